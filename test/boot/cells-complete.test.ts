/**
 * Cells with all that they have, on a stock kernel: namespaces, limits that hold, supervision, verdicts, and a daemon
 * that is killed. Driven by a typed client.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import {
  CellService,
  type CellSchema,
  ExecutableState,
  type ExecutableSchema,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import {
  CellEventKind,
  CellEventSchema,
  ReadinessMode,
  RestartMode,
} from "../../src/gen/aurae/cells/v0/executables_pb.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { eventually } from "../harness/eventually.ts";
import { actInGuest, inGuest } from "../harness/in-guest.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { vmTest } from "../harness/vm-test.ts";

const MIB = 1024 * 1024;
const SLOW_MS = 60_000;

let vm: TestVm;
/** One connection for all: a handshake takes the emulated machine half a second. */
let client: Client<typeof CellService>;
let observer: Client<typeof ObserveService>;

beforeAll(async () => {
  vm = await bootVm({ name: "cells-complete", memoryMib: 1024 });
  client = vm.client(CellService);
  observer = vm.client(ObserveService);
}, 120_000);

afterAll(() => vm?.kill());

const it = (name: string, body: () => Promise<void>) => vmTest(name, () => vm, body);
const cells = () => client;
const allocate = (cell: MessageInitShape<typeof CellSchema>) => cells().allocate({ cell });
const start = (cellName: string, executable: MessageInitShape<typeof ExecutableSchema>) =>
  cells().start({ cellName, executable });
const wait = (cellName: string, executableName: string) =>
  cells().wait({ cellName, executableName });

async function output(cellName: string, executableName: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  const request = { cellName, executableName, follow: false, raw: true };
  for await (const { data } of observer.getSubProcessStream(request)) {
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString();
}

/** Runs a command line in a cell to its end, and answers with what it printed. */
async function inCell(cellName: string, command: string): Promise<string> {
  const name = `look-${crypto.randomUUID()}`;
  await start(cellName, { name, command });
  await wait(cellName, name);
  const text = await output(cellName, name);
  await cells().stop({ cellName, executableName: name });
  return text.trim();
}

async function stateOf(cellName: string, name: string): Promise<ExecutableState | undefined> {
  const { executables } = await cells().status({ cellName });
  return executables.find((each) => each.name === name)?.state;
}

const codeOf = (work: Promise<unknown>): Promise<Code | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );

describe("an isolated cell", () => {
  it("has processes, a host name, IPC and a network of its own, and changes nothing outside", async () => {
    const mounts = "cat /proc/self/mountinfo | sort";
    const before = await inGuest(vm, mounts);
    await allocate({ name: "iso", isolateProcess: true, isolateNetwork: true });
    expect(await inCell("iso", "hostname; cat /proc/1/comm")).toBe("iso\naurae-cell");
    expect(await inCell("iso", "cat /proc/self/cgroup")).toBe("0::/");
    expect(Number(await inCell("iso", "ls /proc | grep -c '^[0-9]'"))).toBeLessThan(8);
    const network = await inCell(
      "iso",
      "ls /sys/class/net; ip addr show lo; ping -c 1 -W 5 127.0.0.1",
    );
    expect(network).toMatch(/inet 127\.0\.0\.1.*1 packets received/s);
    expect(network).not.toContain("10.0.2.15");
    expect(await inGuest(vm, mounts)).toBe(before);
  });

  it("shares its namespaces with the cells in it, unless they unshare more, to any depth", async () => {
    const spaces = "for n in pid mnt ipc uts net; do readlink /proc/self/ns/$n; done";
    await allocate({ name: "iso/shared" });
    await allocate({ name: "iso/shared/deeper", isolateProcess: true });
    await allocate({ name: "iso/shared/deeper/deepest", isolateNetwork: true });
    const above = (await inCell("iso", spaces)).split("\n");
    expect((await inCell("iso/shared", spaces)).split("\n")).toEqual(above);
    const deeper = (await inCell("iso/shared/deeper", spaces)).split("\n");
    expect(deeper.map((each, at) => each === above[at])).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    const deepest = (await inCell("iso/shared/deeper/deepest", spaces)).split("\n");
    expect(deepest.map((each, at) => each === deeper[at])).toEqual([true, true, true, true, false]);
    expect(await inCell("iso/shared/deeper/deepest", "hostname")).toBe("deeper");
  });

  it("reaps orphans, and takes everything along when it is freed", async () => {
    await start("iso", {
      name: "forks",
      command:
        "for i in 1 2 3; do sh -c 'sleep 0.1 & exit 0'; done; sh -c 'setsid sleep 5000 & exit 0'; sleep 5000",
    });
    await eventually(
      "no zombie",
      async () => !/State:\s+Z/.test(await inCell("iso", "cat /proc/[0-9]*/status 2>/dev/null")),
      SLOW_MS,
    );
    await cells().free({ cellName: "iso" });
    expect(await inGuest(vm, "pidof sleep aurae-cell; ls -d /sys/fs/cgroup/iso")).toContain(
      "No such file",
    );
  });
});

describe("limits", () => {
  it("hold against a fork bomb, and the cell can be freed", async () => {
    await allocate({ name: "bomb", pids: { max: 20n } });
    await start("bomb", { name: "bomb", command: "f() { f | f & }; f; sleep 1000" });
    await eventually(
      "the bound",
      async () =>
        Number(await inGuest(vm, "sed -n 's/^max //p' /sys/fs/cgroup/bomb/pids.events")) > 0,
      SLOW_MS,
    );
    const { usage } = await cells().status({ cellName: "bomb" });
    expect(Number(usage?.processes)).toBeLessThanOrEqual(20);
    await cells().free({ cellName: "bomb" });
  });

  it("give a verdict when memory is out, and none for another SIGKILL", async () => {
    await allocate({ name: "small", memory: { max: BigInt(32 * MIB), swapMax: 0n } });
    const hog = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
    await start("small", { name: "hog", command: hog });
    expect(await wait("small", "hog")).toMatchObject({
      exitStatus: { outcome: { case: "signal", value: 9 } },
      oomKilled: true,
    });
    const victim = await start("small", { name: "victim", command: "exec sleep 1000" });
    await inGuest(vm, `kill -KILL ${victim.hostPid}`);
    expect(await wait("small", "victim")).toMatchObject({
      exitStatus: { outcome: { case: "signal", value: 9 } },
      oomKilled: false,
    });
    await cells().free({ cellName: "small" });
  });

  it("give the verdict of Run, too, also where a cell is in its own", async () => {
    const hog = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
    const run = (command: string) =>
      cells().run({
        cell: { name: "hasty", memory: { max: BigInt(32 * MIB), swapMax: 0n } },
        executable: { name: "hog", command },
      });
    expect((await run(hog)).oomKilled).toBe(true);
    const handedDown = "grep -q memory /sys/fs/cgroup/hasty/cgroup.subtree_control";
    const later = run(`until ${handedDown}; do sleep 0.1; done; ${hog}`);
    await eventually("the cell", async () => {
      const { cells: there } = await cells().list({});
      return there.some(({ cell }) => cell?.name === "hasty");
    });
    await allocate({ name: "hasty/inner" });
    expect((await later).oomKilled).toBe(true);
    expect(await inGuest(vm, "[ -e /sys/fs/cgroup/hasty ] || echo gone")).toBe("gone");
  });
});

describe("executables", () => {
  it("of another user have no capabilities, no new privileges, and a seccomp filter", async () => {
    await allocate({ name: "users" });
    const command =
      "id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t\\n' '  '; mount -t tmpfs x /mnt 2>&1";
    await start("users", { name: "other", command, privileges: { user: "1234", group: "2345" } });
    const { exitStatus } = await wait("users", "other");
    expect(exitStatus?.outcome).not.toEqual({ case: "exitCode", value: 0 });
    expect(await output("users", "other")).toMatch(
      /^1234\n2345\nCapBnd: 0{16} CapEff: 0{16} NoNewPrivs: 1 Seccomp: 2|^1234\n2345\nCapEff: 0{16} CapBnd: 0{16} NoNewPrivs: 1 Seccomp: 2/,
    );
  });

  it("run from arguments, with an environment, a folder and bounds", async () => {
    await start("users", {
      name: "args",
      args: ["sh", "-c", 'echo "$1 $GREETING $PWD $(ulimit -n)"', "sh", "a b"],
      env: { GREETING: "hello" },
      workingDirectory: "/tmp",
      resourceLimits: { nofile: { soft: 77n, hard: 88n } },
    });
    expect(await wait("users", "args")).toMatchObject({ exitStatus: { outcome: { value: 0 } } });
    expect(await output("users", "args")).toBe("a b hello /tmp 77\n");
  });

  it("that can't be launched say at which step", async () => {
    const nope = start("users", { name: "nope", args: ["/nope"] });
    expect(await nope.catch((error: Error) => error.message)).toContain('exec "/nope": ENOENT');
    const uid = start("users", {
      name: "nobody",
      command: "true",
      privileges: { user: "no-such" },
    });
    expect(await codeOf(uid)).toBe(Code.InvalidArgument);
    const { executables } = await cells().status({ cellName: "users" });
    expect(executables.map(({ name }) => name)).not.toContain("nope");
  });

  it("that ignore SIGTERM, or become daemons, end all the same", async () => {
    const stubborn = await start("users", {
      name: "stubborn",
      command:
        "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo set >/tmp/traps; sleep 5000' &); sleep 5000; sleep 5000",
    });
    await eventually("the traps", async () =>
      (await inGuest(vm, "cat /tmp/traps")).startsWith("set"),
    );
    const stopped = await cells().stop({
      cellName: "users",
      executableName: "stubborn",
      gracePeriodMs: 200,
    });
    expect(stopped.exitStatus?.outcome).toEqual({ case: "signal", value: 9 });
    expect(
      await inGuest(vm, `ls -d /proc/${stubborn.hostPid}; ls /sys/fs/cgroup/users/_`),
    ).not.toContain("exe.stubborn");
  });

  it("are restarted, say when they are ready, wait for each other, and all of it can be followed", async () => {
    const stop = new AbortController();
    const kinds: string[] = [];
    const following = (async () => {
      for await (const { event } of cells().events(
        { afterSequence: 0n, cellName: "users" },
        { signal: stop.signal },
      )) {
        const { executableName, kind } = event ?? create(CellEventSchema);
        kinds.push(`${executableName} ${CellEventKind[kind]}`);
      }
    })().catch(() => undefined);
    await start("users", {
      name: "base",
      command: "sleep 1; echo >&3; exec sleep 5000",
      readiness: { mode: ReadinessMode.FD },
    });
    expect(await stateOf("users", "base")).toBe(ExecutableState.STARTING);
    await start("users", { name: "top", command: "exec sleep 5000", requires: ["base"] });
    expect(await stateOf("users", "top")).toBe(ExecutableState.WAITING);
    await eventually(
      "top",
      async () => (await stateOf("users", "top")) === ExecutableState.RUNNING,
      SLOW_MS,
    );
    await start("users", {
      name: "flaky",
      command: "exit 3",
      restart: { mode: RestartMode.ON_FAILURE, backoffMs: 10, startLimit: 3 },
    });
    expect(await wait("users", "flaky")).toMatchObject({ exitStatus: { outcome: { value: 3 } } });
    expect(await stateOf("users", "flaky")).toBe(ExecutableState.FAILED);
    await cells().stop({ cellName: "users", executableName: "base" });
    expect(await stateOf("users", "top")).toBe(ExecutableState.EXITED);
    await eventually("the last event", () => kinds.includes("base STOPPED"), SLOW_MS);
    stop.abort();
    await following;
    expect(kinds.filter((kind) => kind.startsWith("base"))).toEqual([
      ...["base STARTED", "base READY", "base STOPPING", "base EXITED", "base STOPPED"],
    ]);
    expect(kinds.filter((kind) => kind === "flaky STARTED")).toHaveLength(3);
    expect(kinds.indexOf("top STARTED")).toBeGreaterThan(kinds.indexOf("base READY"));
    await cells().free({ cellName: "users" });
  });
});

describe("a daemon that is killed", () => {
  it("comes back, and cells and executables go on, with their output", async () => {
    await allocate({ name: "long", isolateProcess: true, memory: { max: BigInt(64 * MIB) } });
    const { hostPid } = await start("long", {
      name: "counter",
      command: "i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done",
    });
    await eventually(
      "its output",
      async () => (await output("long", "counter")).includes("\n5\n"),
      SLOW_MS,
    );
    await actInGuest(vm, "kill -KILL $PPID");
    await vm.waitForConsole(/was killed by signal 9[\s\S]*TCP Access Socket created/);
    const list = await eventually(
      "the API",
      () =>
        cells()
          .list({})
          .then(
            (answer) => answer.cells,
            () => undefined,
          ),
      SLOW_MS,
    );
    expect(list?.find(({ cell }) => cell?.name === "long")?.executables).toMatchObject([
      { name: "counter", state: ExecutableState.RUNNING, hostPid },
    ]);
    const seen = (await output("long", "counter")).split("\n").length;
    await eventually(
      "more of it",
      async () => (await output("long", "counter")).split("\n").length > seen + 5,
      SLOW_MS,
    );
    const lines = (await output("long", "counter")).trimEnd().split("\n");
    expect(lines).toEqual(lines.map((_, at) => `${at + 1}`));
    const stopped = await cells().stop({ cellName: "long", executableName: "counter" });
    expect(stopped).toBeDefined();
    await cells().free({ cellName: "long" });
  });

  it("leaves no group behind in the end", async () => {
    const { cells: left } = await cells().list({});
    expect(left).toEqual([]);
    expect(await inGuest(vm, "cd /sys/fs/cgroup && ls -d */")).toBe("_/");
  });
});
