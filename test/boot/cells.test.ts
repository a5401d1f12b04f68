/**
 * The main job, end to end: a machine whose init is auraed is driven with plain curl, over mTLS, in Connect's JSON.
 * The tests are the steps of one story and run in order.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Caller, curlCall } from "../harness/curl.ts";
import { eventually } from "../harness/eventually.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { vmTest } from "../harness/vm-test.ts";

const CELLS = "aurae.cells.v0.CellService";
const MIB = 1024 * 1024;

let vm: TestVm;

beforeAll(async () => {
  vm = await bootVm({ name: "cells" });
}, 120_000);

afterAll(() => vm?.kill());

const callAs = (options: Pick<Caller, "as" | "http">, method: string, request: unknown = {}) =>
  curlCall({ ...options, pki: vm.pki.dir, authority: vm.address }, method, request);
const call = (method: string, request: unknown = {}) => callAs({}, `${CELLS}/${method}`, request);

/** Runs a command in no cell and answers with what it prints. */
async function inGuest(command: string): Promise<string> {
  const name = `probe-${crypto.randomUUID()}`;
  const script = `{ ${command}; } 2>&1 | sed 's/^/${name}: /' >/dev/console; echo ${name} done >/dev/console`;
  const started = await call("Start", { executable: { name, command: script } });
  expect(started.status).toBe(200);
  await vm.waitForConsole(new RegExp(`${name} done`));
  await call("Stop", { executableName: name });
  return vm
    .console()
    .split(/\r?\n/)
    .flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))
    .join("\n");
}

interface Listed {
  readonly cell: { readonly name: string };
  readonly executables?: readonly {
    readonly name: string;
    readonly state: string;
    readonly exitStatus?: unknown;
  }[];
}

async function executable(cell: string, name: string) {
  const { body } = await call("List");
  const cells = (body.cells ?? []) as Listed[];
  return cells.find((it) => it.cell.name === cell)?.executables?.find((it) => it.name === name);
}

describe("a machine whose init is auraed", () => {
  vmTest(
    "tells over HTTP/1.1 and HTTP/2 that it is there",
    () => vm,
    async () => {
      for (const http of ["1.1", "2"] as const) {
        const answer = await callAs({ http }, "aurae.discovery.v0.DiscoveryService/Discover");
        expect(answer).toMatchObject({ status: 200, version: http, body: { healthy: true } });
      }
    },
  );

  vmTest(
    "offers every controller that a cell can ask for",
    () => vm,
    async () => {
      const controllers = (await inGuest("cat /sys/fs/cgroup/cgroup.controllers")).split(" ");
      expect(controllers).toEqual(
        expect.arrayContaining(["cpu", "cpuset", "io", "memory", "pids"]),
      );
    },
  );

  vmTest(
    "allocates a cell whose limits stand in its control group",
    () => vm,
    async () => {
      const answer = await call("Allocate", {
        cell: {
          name: "hungry",
          cpu: { weight: 50, max: 50_000, period: 200_000 },
          cpuset: { cpus: "0", mems: "0" },
          memory: { low: MIB, high: 0, max: 32 * MIB },
        },
      });
      expect(answer).toMatchObject({ status: 200, body: { cellName: "hungry", cgroupV2: true } });
      const files = [
        "cpu.weight",
        "cpu.max",
        "cpuset.cpus",
        "cpuset.mems",
        "memory.low",
        "memory.high",
        "memory.max",
      ];
      const read = await inGuest(`cd /sys/fs/cgroup/hungry && cat ${files.join(" ")}`);
      expect(read.split("\n")).toEqual([
        "50",
        "50000 200000",
        "0",
        "0",
        `${MIB}`,
        "max",
        `${32 * MIB}`,
      ]);
    },
  );

  vmTest(
    "starts executables in their cells",
    () => vm,
    async () => {
      await call("Allocate", { cell: { name: "neighbour", memory: { max: 64 * MIB } } });
      const started = await call("Start", {
        cellName: "neighbour",
        executable: { name: "sleeper", command: "exec sleep 1000", description: "sleeps" },
      });
      expect(started).toMatchObject({ status: 200 });
      const cgroup = await inGuest(`cat /proc/${started.body.pid}/cgroup`);
      // Seen from a control group namespace of the reader's own.
      expect(cgroup).toEndWith("/neighbour/_/exe.sleeper");
    },
  );

  vmTest(
    "kills a memory hog by its own cell's limit while its neighbour lives",
    () => vm,
    async () => {
      await call("Start", {
        cellName: "hungry",
        executable: { name: "hog", command: "exec dd if=/dev/zero of=/dev/null bs=200M count=1" },
      });
      const hog = await eventually(
        "the hog's end",
        async () => {
          const found = await executable("hungry", "hog");
          return found?.state === "EXECUTABLE_STATE_EXITED" && found;
        },
        60_000,
      );
      expect(hog.exitStatus).toEqual({ signal: 9 });
      const events = await inGuest("cat /sys/fs/cgroup/hungry/memory.events");
      expect(events).toMatch(/^oom_kill [1-9]/m);
      expect(await executable("neighbour", "sleeper")).toMatchObject({
        state: "EXECUTABLE_STATE_RUNNING",
      });
    },
  );

  vmTest(
    "refuses a limit that the kernel refuses, and leaves nothing",
    () => vm,
    async () => {
      const answer = await call("Allocate", { cell: { name: "odd", cpuset: { cpus: "0-99999" } } });
      expect(answer.body).toMatchObject({ code: "invalid_argument" });
      expect(answer.body.message).toStartWith("cell.cpuset.cpus: the kernel refuses");
      expect(await inGuest("ls -d /sys/fs/cgroup/odd || true")).toContain("No such file");
    },
  );

  vmTest(
    "limits a nested cell inside its parent",
    () => vm,
    async () => {
      const answer = await call("Allocate", {
        cell: { name: "neighbour/inner", memory: { max: 8 * MIB } },
      });
      expect(answer.status).toBe(200);
      expect(await inGuest("cat /sys/fs/cgroup/neighbour/inner/memory.max")).toBe(`${8 * MIB}`);
    },
  );

  vmTest(
    "stops an executable, tells how it ended, and frees the cells",
    () => vm,
    async () => {
      const stopped = await call("Stop", { cellName: "neighbour", executableName: "sleeper" });
      expect(stopped).toMatchObject({ status: 200, body: { exitStatus: { signal: 15 } } });
      expect((await call("Stop", { cellName: "hungry", executableName: "hog" })).body).toEqual({
        exitStatus: { signal: 9 },
        oomKilled: true,
      });
      for (const cellName of ["neighbour", "hungry"]) {
        expect((await call("Free", { cellName })).status).toBe(200);
      }
      expect((await call("List")).body).toEqual({});
      const left = await inGuest("cd /sys/fs/cgroup && ls -d */ || true");
      expect(left.split("\n")).toEqual(["_/"]);
    },
  );

  vmTest(
    "lets a reader look and nothing else",
    () => vm,
    async () => {
      expect((await callAs({ as: "unsafe" }, `${CELLS}/List`)).status).toBe(200);
      const refused = await callAs({ as: "unsafe" }, `${CELLS}/Free`, { cellName: "a" });
      expect(refused.body).toMatchObject({ code: "permission_denied" });
    },
  );

  test("powers off when it is told to, with QEMU's exit status of a clean end", async () => {
    const answer = await callAs({}, "aurae.machine.v0.MachineService/PowerOff");
    expect(answer.status).toBe(200);
    expect(await vm.ended()).toMatchObject({ code: 0, reason: "guest-shutdown", panicked: false });
  });
});
