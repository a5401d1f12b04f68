/** Every limit of a cell on the real kernel, which has all controllers in the test VM: set, read back, changed, kept. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code } from "@connectrpc/connect";
import {
  type CellSchema,
  CellService,
  ExecutableState,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { driverFiles } from "../harness/driver-files.ts";
import { eventually } from "../harness/eventually.ts";
import { folderArchive } from "../harness/folder-archive.ts";
import { inGuest } from "../harness/in-guest.ts";
import type { LaunchOutcome } from "../harness/launch-driver.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { vmTest } from "../harness/vm-test.ts";

const MIB = 1024n * 1024n;
const DRIVER = "driver";

let vm: TestVm;
let cells: Client<typeof CellService>;

beforeAll(async () => {
  // Debian's kernel has pressure stall information, but off.
  vm = await bootVm({
    ...{ name: "limits", diskMib: 16, commandLine: ["psi=1"] },
    archives: [folderArchive(DRIVER, await driverFiles("launch-driver.ts"))],
  });
  cells = vm.client(CellService);
}, 120_000);

afterAll(() => vm?.kill());

const limitsTest = (name: string, body: () => Promise<void>): void => vmTest(name, () => vm, body);

/** The texts of a cell's files, by name. */
async function read(cell: string, ...files: string[]): Promise<string[]> {
  const text = await inGuest(
    vm,
    `cd /sys/fs/cgroup/${cell} && for f in ${files.join(" ")}; do tr '\\n' ';' <$f; echo; done`,
  );
  return text.split("\n").map((line) => line.replace(/;$/, ""));
}

const statusOf = (cellName: string) => cells.status({ cellName });
const start = (cellName: string, name: string, command: string) =>
  cells.start({ cellName, executable: { name, command } });

async function hasEnded(cell: string, name: string): Promise<boolean> {
  const { executables } = await statusOf(cell);
  return executables.some((it) => it.name === name && it.state === ExecutableState.EXITED);
}

describe("Allocate", () => {
  limitsTest("puts every limit into its file, and Status reads it back", async () => {
    const limits = {
      cpu: { weight: 50n, max: 20_000n, period: 50_000n, burst: 10_000n },
      cpuset: { cpus: "0", mems: "0" },
      memory: {
        ...{ min: MIB, low: 2n * MIB, high: 30n * MIB, max: 32n * MIB },
        ...{ swapMax: 0n, oomGroup: true },
      },
      pids: { max: 30n },
      io: {
        devices: [{ device: "/dev/vda", readBytesPerSecond: MIB, writeOperationsPerSecond: 100n }],
      },
      hugetlb: { max: { "2MB": 0n } },
    };
    await cells.allocate({ cell: { name: "full", ...limits } });
    const expected = {
      ...{ "cpu.weight": "50", "cpu.max": "20000 50000", "cpu.max.burst": "10000" },
      ...{ "cpuset.cpus": "0", "cpuset.mems": "0", "memory.min": `${MIB}` },
      ...{ "memory.low": `${2n * MIB}`, "memory.high": `${30n * MIB}` },
      ...{ "memory.max": `${32n * MIB}`, "memory.swap.max": "0", "memory.oom.group": "1" },
      ...{ "pids.max": "30", "hugetlb.2MB.max": "0" },
      "io.max": expect.stringMatching(/^\d+:0 rbps=1048576 wbps=max riops=max wiops=100$/),
    };
    const texts = await read("full", ...Object.keys(expected));
    expect(Object.fromEntries(Object.keys(expected).map((file, at) => [file, texts[at]]))).toEqual(
      expected,
    );
    const { cell } = await statusOf("full");
    expect(cell).toMatchObject({ name: "full", ...limits, io: {} });
    expect(cell?.io?.devices).toMatchObject([
      { device: expect.stringMatching(/^\d+:0$/), readBytesPerSecond: MIB },
    ]);
    const { cells: listed } = await cells.list({});
    expect(listed.find((node) => node.cell?.name === "full")?.cell).toMatchObject(limits);
    await cells.free({ cellName: "full" });
  });

  limitsTest("takes limits away that are 0, and leaves alone what is left out", async () => {
    const none = { cpu: { max: 0n }, memory: { high: 0n, max: 0n }, pids: { max: 0n } };
    await cells.allocate({ cell: { name: "free", ...none } });
    const files = ["cpu.max", "memory.high", "memory.max", "memory.swap.max", "pids.max"];
    expect(await read("free", ...files)).toEqual(["max 100000", "max", "max", "max", "max"]);
    const { cell } = await statusOf("free");
    expect([cell?.memory?.max, cell?.memory?.swapMax, cell?.pids?.max]).toEqual([
      ...[undefined, undefined, undefined],
    ]);
    await cells.free({ cellName: "free" });
  });

  const refused: readonly (readonly [string, MessageInitShape<typeof CellSchema>])[] = [
    ["cell.cpuset.cpus", { cpuset: { cpus: "0-99" } }],
    ["cell.cpu.burst", { cpu: { max: 10_000n, burst: 20_000n } }],
    ["cell.hugetlb.max", { hugetlb: { max: { "3MB": 1n } } }],
    ['"/dev/null" is not a block device', { io: { devices: [{ device: "/dev/null" }] } }],
    ["cell.io.devices[0]", { io: { devices: [{ device: "99:9", readBytesPerSecond: 1n }] } }],
  ];

  limitsTest("refuses what the kernel refuses, by the field, and leaves nothing", async () => {
    for (const [what, limits] of refused) {
      const refusal = cells.allocate({ cell: { name: "odd", ...limits } });
      expect(refusal).rejects.toMatchObject({
        ...{ code: Code.InvalidArgument, rawMessage: expect.stringContaining(what) },
      });
      await refusal.catch(() => undefined);
    }
    expect(await inGuest(vm, "ls -d /sys/fs/cgroup/odd || true")).toContain("No such file");
  });

  limitsTest("names the file of a limit that the kernel does not have", async () => {
    const offered = await inGuest(
      vm,
      "mkdir /sys/fs/cgroup/x; ls /sys/fs/cgroup/x; rmdir /sys/fs/cgroup/x",
    );
    const asked = cells.allocate({ cell: { name: "weighed", io: { weight: 50n } } });
    if (offered.includes("io.weight")) {
      await asked;
      expect(await read("weighed", "io.weight")).toEqual(["default 50"]);
      await cells.free({ cellName: "weighed" });
    } else {
      expect(asked).rejects.toMatchObject({
        ...{ code: Code.FailedPrecondition, rawMessage: expect.stringContaining("io.weight") },
      });
      await asked.catch(() => undefined);
    }
  });
});

describe("Update", () => {
  limitsTest("changes limits of a cell whose executable goes on", async () => {
    await cells.allocate({ cell: { name: "live", memory: { max: 64n * MIB } } });
    const { pid } = await start("live", "sleeper", "exec sleep 1000");
    const answer = await cells.update({
      ...{ cellName: "live", memory: { high: 30n * MIB, max: 32n * MIB }, pids: { max: 9n } },
      ...{ cpu: { max: 50_000n, burst: 40_000n }, cpuset: { cpus: "1" } },
      io: { devices: [{ device: "/dev/vda", readBytesPerSecond: MIB }] },
    });
    expect(answer.cell).toMatchObject({
      ...{ memory: { high: 30n * MIB, max: 32n * MIB }, pids: { max: 9n } },
    });
    const files = ["memory.high", "memory.max", "pids.max", "cpu.max", "cpu.max.burst"];
    expect(await read("live", ...files, "cpuset.cpus")).toEqual([
      ...[`${30n * MIB}`, `${32n * MIB}`, "9", "50000 100000", "40000", "1"],
    ]);
    // Both lower than either was: written in the wrong order, the kernel refuses one.
    await cells.update({
      cellName: "live",
      cpu: { max: 20_000n, burst: 10_000n, period: 50_000n },
    });
    await cells.update({ cellName: "live", cpu: { max: 80_000n, burst: 60_000n } });
    expect(await read("live", "cpu.max", "cpu.max.burst")).toEqual(["80000 50000", "60000"]);
    const { executables } = await statusOf("live");
    expect(executables).toMatchObject([{ name: "sleeper", pid, state: ExecutableState.RUNNING }]);
  });

  limitsTest("takes limits away", async () => {
    await cells.update({
      ...{ cellName: "live", cpu: { max: 0n, burst: 0n }, memory: { high: 0n }, pids: { max: 0n } },
      ...{ cpuset: { cpus: "" }, io: { devices: [{ device: "/dev/vda" }] } },
    });
    const files = ["cpu.max", "cpu.max.burst", "memory.high", "memory.max", "pids.max"];
    expect(await read("live", ...files, "cpuset.cpus", "io.max")).toEqual([
      ...["max 50000", "0", "max", `${32n * MIB}`, "max", "0-1", ""],
    ]);
    expect((await statusOf("live")).cell?.cpuset?.cpus).toBe("0-1");
  });

  limitsTest("remembers the weight of an idle cell", async () => {
    await cells.update({ cellName: "live", cpu: { weight: 300n } });
    await cells.update({ cellName: "live", cpu: { idle: true } });
    await cells.update({ cellName: "live", cpu: { weight: 400n } });
    expect(await read("live", "cpu.idle", "cpu.weight")).toEqual(["1", "0"]);
    await cells.update({ cellName: "live", cpu: { idle: false } });
    expect(await read("live", "cpu.idle", "cpu.weight")).toEqual(["0", "400"]);
  });

  limitsTest("changes nothing when the kernel refuses one limit", async () => {
    const files = ["cpu.idle", "cpu.weight", "cpu.max", "cpuset.cpus", "memory.max", "io.max"];
    const before = await read("live", ...files);
    const refusal = cells.update({
      ...{ cellName: "live", cpu: { idle: true, max: 30_000n }, cpuset: { cpus: "0" } },
      ...{ memory: { max: 40n * MIB } },
      io: {
        devices: [
          { device: "/dev/vda", readBytesPerSecond: MIB },
          { device: "99:9", readBytesPerSecond: MIB },
        ],
      },
    });
    expect(refusal).rejects.toMatchObject({
      ...{ code: Code.InvalidArgument, rawMessage: expect.stringContaining("io.devices[1]") },
    });
    await refusal.catch(() => undefined);
    expect(await read("live", ...files)).toEqual(before);
    await cells.free({ cellName: "live" });
  });
});

describe("Freeze", () => {
  const count = () => inGuest(vm, "cat /tmp/count");

  limitsTest("has a busy loop stand still, and Thaw has it go on", async () => {
    await cells.allocate({ cell: { name: "cold" } });
    await cells.allocate({ cell: { name: "cold/inner" } });
    await start("cold/inner", "counter", "i=0; while :; do i=$((i+1)); echo $i >/tmp/count; done");
    await eventually("the loop's first number", async () => (await count()) !== "");
    await cells.freeze({ cellName: "cold" });
    await cells.freeze({ cellName: "cold" });
    const { frozen, usage } = await statusOf("cold/inner");
    const still = await count();
    expect(frozen).toBe(true);
    expect(await count()).toBe(still);
    expect((await statusOf("cold/inner")).usage?.cpuUsec).toBe(usage?.cpuUsec as bigint);
    await cells.thaw({ cellName: "cold" });
    await eventually("another number", async () => (await count()) !== still);
    expect((await statusOf("cold")).frozen).toBe(false);
  });

  limitsTest("keeps new executables out, while Stop and Free work", async () => {
    await start("cold", "deaf", "trap '' TERM; echo deaf >/tmp/deaf; sleep 1000 & wait");
    await eventually("the trap", async () =>
      (await inGuest(vm, "cat /tmp/deaf")).startsWith("deaf"),
    );
    await cells.freeze({ cellName: "cold" });
    expect(start("cold/inner", "late", "true")).rejects.toMatchObject({
      ...{ code: Code.FailedPrecondition, rawMessage: "cell 'cold' is frozen; thaw it first" },
    });
    expect(cells.thaw({ cellName: "cold/inner" })).rejects.toMatchObject({
      code: Code.FailedPrecondition,
    });
    const stopped = await cells.stop({ cellName: "cold", executableName: "deaf" });
    expect(stopped.exitStatus?.outcome).toEqual({ case: "signal", value: 9 });
    await cells.freeze({ cellName: "cold/inner" });
    await cells.free({ cellName: "cold" });
    expect(await inGuest(vm, "ls -d /sys/fs/cgroup/cold || true")).toContain("No such file");
  });
});

describe("Status", () => {
  limitsTest("tells usage and pressure", async () => {
    await cells.allocate({ cell: { name: "busy", cpu: { max: 5000n } } });
    await start("busy", "loop", "while :; do :; done");
    const { usage, pressure } = await eventually("a throttled loop", async () => {
      const status = await statusOf("busy");
      return (status.usage?.cpuThrottledCount ?? 0n) > 0n && status;
    });
    expect(usage?.cpuUsec).toBeGreaterThan(0n);
    expect(usage?.memoryBytes).toBeGreaterThan(0n);
    expect(usage).toMatchObject({ processes: 1n, oomKills: 0n });
    expect(pressure?.cpu?.some?.totalUsec).toBeGreaterThan(0n);
    expect(pressure?.memory?.full).toMatchObject({ avg10: 0 });
    expect(pressure?.io?.some).toBeDefined();
    await cells.free({ cellName: "busy" });
    expect(statusOf("busy")).rejects.toMatchObject({ code: Code.NotFound });
  });
});

describe("a limit", () => {
  limitsTest("of processes holds a fork bomb, and Free ends it", async () => {
    await cells.allocate({ cell: { name: "bomb", pids: { max: 20n } } });
    await start("bomb", "fork", "bomb() { bomb | bomb & }; bomb; while :; do sleep 1 & wait; done");
    await eventually("a refused fork", async () => {
      const [events] = await read("bomb", "pids.events");
      return /max [1-9]/.test(events ?? "");
    });
    expect((await statusOf("bomb")).usage?.processes).toBeLessThanOrEqual(20n);
    await cells.free({ cellName: "bomb" });
    expect(await inGuest(vm, "ls -d /sys/fs/cgroup/bomb || true")).toContain("No such file");
  });

  limitsTest("of memory kills what is over it, and with oom_group all the cell", async () => {
    const hog = "dd if=/dev/zero of=/dev/null bs=100M count=1";
    for (const oomGroup of [false, true]) {
      await cells.allocate({
        cell: { name: "hungry", memory: { max: 16n * MIB, swapMax: 0n, oomGroup } },
      });
      await start("hungry", "bystander", "exec sleep 1000");
      await start("hungry", "hog", `exec ${hog}`);
      await eventually("the hog's end", () => hasEnded("hungry", "hog"), 60_000);
      const { usage } = await statusOf("hungry");
      expect(usage?.oomKills).toBeGreaterThan(0n);
      expect(usage?.memoryPeakBytes).toBeLessThanOrEqual(16n * MIB);
      if (oomGroup) {
        await eventually("the bystander's end", () => hasEnded("hungry", "bystander"));
      } else {
        expect(await hasEnded("hungry", "bystander")).toBe(false);
      }
      await cells.free({ cellName: "hungry" });
    }
  });

  limitsTest("of a disk slows down who reads from it", async () => {
    const io = { devices: [{ device: "/dev/vda", readBytesPerSecond: MIB }] };
    await cells.allocate({ cell: { name: "reader", io } });
    const script =
      "s=$(date +%s); dd if=/dev/vda of=/dev/null bs=64k count=48; e=$(date +%s); echo $((e-s)) >/tmp/seconds";
    await start("reader", "dd", script);
    await eventually("the reader's end", () => hasEnded("reader", "dd"), 60_000);
    // 3 MiB at 1 MiB in a second.
    expect(Number(await inGuest(vm, "cat /tmp/seconds"))).toBeGreaterThanOrEqual(2);
    expect((await statusOf("reader")).usage?.ioReadBytes).toBeGreaterThanOrEqual(3n * MIB);
    await cells.free({ cellName: "reader" });
  });

  limitsTest("of memory ends what starts in it, and never who starts it", async () => {
    const command = `cd /${DRIVER} && auraescript driver.js >/dev/console 2>&1`;
    await cells.start({ executable: { name: "driver", command } });
    await vm.waitForConsole(/^launch\| DONE/m, 60_000);
    const outcomes = [...vm.console().matchAll(/^launch\| (\{.*)$/gm)].map(
      ([, text = ""]): LaunchOutcome => JSON.parse(text),
    );
    expect(outcomes.at(-1)).toEqual({ maxBytes: 0, end: "exited 3" });
    expect(outcomes.map(({ end }) => end)).toContain("killed by 9");
    // Some of them before they were anything else than a part of the launcher.
    expect(vm.console()).toMatch(/Killed process \d+ \(aurae-launch\)/);
    await cells.stop({ executableName: "driver" });
  });
});
