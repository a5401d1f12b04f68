import { beforeEach, describe, expect, test } from "bun:test";
import { settle } from "../../../test/harness/cells-world.ts";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { EventLog } from "../events/event-log.ts";
import { executableName } from "../executables/executable-name.ts";
import { executableSpec } from "../executables/executable-spec.ts";
import { MemoryOutputs } from "../executables/memory-outputs.ts";
import { MemoryState } from "../state/memory-state.ts";
import { type CellSpec, cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { Cells } from "./cells.ts";

let kernel: FakeKernel;
let cells: Cells;
let outputs: MemoryOutputs;
let state: MemoryState;

const name = (text: string): CellName => CellName.parse(text);
const allocate = (text: string, limits: CgroupLimits = {}, more: Partial<CellSpec> = {}) =>
  cells.allocate(cellSpec({ name: name(text), limits, ...more }));
const start = (cell: string | undefined, executable: string, line = "true") =>
  cells.start(
    cell === undefined ? undefined : name(cell),
    executableSpec({ name: executableName(executable), command: { kind: "shell", line } }),
  );
const stopIn = (cell: string | undefined, executable: string, graceMs?: number) =>
  cells.stop(
    cell === undefined ? undefined : name(cell),
    executableName(executable),
    graceMs === undefined ? {} : { graceMs },
  );

/** The daemon that comes next: with the same kernel, and what the one before has kept. */
function newDaemon(): void {
  cells = new Cells({ kernel, outputs, state, events: new EventLog(), env: { PATH: "/bin" } });
}

function use(fake: FakeKernel): void {
  kernel = fake;
  outputs = new MemoryOutputs();
  state = new MemoryState();
  newDaemon();
}

beforeEach(() => use(createFakeKernel()));

describe("Cells.allocate", () => {
  test("makes the group of the cell and a leaf for its executables", () => {
    allocate("a");
    expect(kernel.cgroups.paths).toEqual(["a", "a/_"]);
    expect(cells.roots.map((cell) => cell.cgroup)).toEqual(["a"]);
  });

  test("writes the limits that are set, and only those", () => {
    allocate("a", {
      cpu: { weight: 2n, max: 400_000n, period: 200_000n },
      cpuset: { cpus: "0-1", mems: "" },
      memory: { min: 0n, low: 1000n, high: 2000n, max: 3000n },
    });
    const files = ["cpu.weight", "cpu.max", "cpuset.cpus", "memory.low", "memory.high"];
    expect(files.map((file) => kernel.cgroups.read("a", file).trim())).toEqual([
      "2",
      "400000 200000",
      "0-1",
      "1000",
      "2000",
    ]);
    expect(kernel.cgroups.read("a", "memory.max").trim()).toBe("3000");
    expect(kernel.cgroups.read("a", "memory.min").trim()).toBe("0");
    expect(kernel.cgroups.read("a", "cpuset.mems").trim()).toBe("");
  });

  test("answers already_exists for a cell that is allocated", () => {
    allocate("a");
    expect(() => allocate("a")).toThrow("cell 'a' already exists");
  });

  test("answers not_found naming the first ancestor that is missing", () => {
    allocate("a");
    expect(() => allocate("a/b/c")).toThrow("cell 'a/b' not found");
  });

  test("answers failed_precondition for a group that somebody else made", () => {
    kernel.cgroups.create("a");
    expect(() => allocate("a")).toThrow("cgroup 'a' exists on host, but is not controlled");
  });

  test("allocates anew when somebody else removed the group", () => {
    allocate("a");
    kernel.cgroups.remove("a/_");
    kernel.cgroups.remove("a");
    allocate("a");
    expect(kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("answers failed_precondition naming controller and limit, and leaves nothing, where one is missing", () => {
    use(createFakeKernel(["cpu"]));
    expect(() => allocate("a", { memory: { max: 1n } })).toThrow(
      /limit memory\.max: .* no 'memory' controller/,
    );
    expect(kernel.cgroups.paths).toEqual([]);
    allocate("a", { cpu: { weight: 1n } });
  });

  test("undoes everything when the kernel refuses a limit, and names its field", () => {
    kernel.cgroups.refuseWrite = (_, file) => (file === "memory.max" ? "EINVAL" : undefined);
    let thrown: unknown;
    try {
      allocate("a", { cpu: { weight: 1n }, memory: { max: 1n } });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      kind: "invalid_argument",
      violations: [{ field: "cell.memory.max" }],
    });
    expect(kernel.cgroups.paths).toEqual([]);
    expect(cells.roots).toEqual([]);
  });

  test("nests to any depth and hands the controllers down", () => {
    allocate("a");
    allocate("a/b");
    allocate("a/b/c", { memory: { max: 5n } });
    expect(kernel.cgroups.read("a/b/c", "memory.max").trim()).toBe("5");
    expect(cells.roots[0]?.children.get("b")?.children.has("c")).toBe(true);
  });
});

describe("Cells.start", () => {
  test("runs the command by sh in a group of the executable's own", () => {
    allocate("a");
    const executable = start("a", "sleeper", "sleep 1");
    expect(kernel.cgroups.processes("a/_/exe.sleeper")).toEqual([executable.pid]);
    expect(kernel.processes.last.options.argv).toEqual(["sh", "-c", "sleep 1"]);
    expect(executable.state).toBe("running");
  });

  test("runs beside all cells when no cell is named", () => {
    start(undefined, "x");
    expect(kernel.cgroups.paths).toEqual(["_", "_/exe.x"]);
  });

  test("refuses a name that is taken, also by one that has ended", async () => {
    allocate("a");
    const executable = start("a", "x");
    expect(() => start("a", "x")).toThrow("executable 'x' exists");
    kernel.processes.last.exit({ kind: "exited", code: 0 });
    await Bun.sleep(0);
    expect(executable.state).toBe("exited");
    expect(() => start("a", "x")).toThrow("executable 'x' exists");
  });

  test("leaves nothing behind when the launch fails", () => {
    allocate("a");
    kernel.processes.failNext = "ENOENT";
    expect(() => start("a", "x")).toThrow(`executable 'x' failed to start: exec "/bin/sh": ENOENT`);
    expect(kernel.cgroups.paths).toEqual(["a", "a/_"]);
    start("a", "x");
  });

  test("answers not_found for a cell that is not there", () => {
    expect(() => start("a", "x")).toThrow("cell 'a' not found");
  });
});

describe("Cells.stop", () => {
  test("sends SIGTERM to what an ended first process has left in its process group", async () => {
    allocate("a");
    start("a", "x");
    const leader = kernel.processes.last;
    const left = kernel.processes.start({ paths: [], argv: [], env: {}, cwd: "/" });
    kernel.cgroups.join("a/_/exe.x", left.pid);
    leader.exit({ kind: "exited", code: 0 });
    await Promise.resolve();
    await stopIn("a", "x");
    expect(left.signals).toEqual([15]);
    expect(leader.signals).toEqual([]);
  });

  test("sends SIGTERM, tells how the executable ended, and removes its group", async () => {
    allocate("a");
    start("a", "x");
    const status = await stopIn("a", "x");
    expect(status?.status).toEqual({ kind: "signaled", signal: 15 });
    expect(kernel.cgroups.paths).toEqual(["a", "a/_"]);
    start("a", "x");
  });

  test("kills what ignores SIGTERM once the grace period is over", async () => {
    allocate("a");
    start("a", "x");
    kernel.processes.last.fatal.delete(15);
    const status = await stopIn("a", "x", 1);
    expect(status?.status).toEqual({ kind: "signaled", signal: 9 });
    expect(kernel.processes.last.signals).toEqual([15, 9]);
  });

  test("tells the exit code of an executable that has ended before", async () => {
    start(undefined, "x");
    kernel.processes.last.exit({ kind: "exited", code: 3 });
    expect((await stopIn(undefined, "x"))?.status).toEqual({ kind: "exited", code: 3 });
  });

  test("answers two callers at once with the same end", async () => {
    start(undefined, "x");
    const ends = [stopIn(undefined, "x"), stopIn(undefined, "x")];
    const [first, second] = await Promise.all(ends);
    expect(first?.status).toEqual({ kind: "signaled", signal: 15 });
    expect(second).toBe(first);
    expect(kernel.processes.last.signals).toEqual([15]);
  });

  test("answers not_found for an executable that is not there", () => {
    allocate("a");
    expect(stopIn("a", "x")).rejects.toThrow("executable 'x' not found");
  });

  test("has kept all output of the executable", async () => {
    allocate("a");
    start("a", "x");
    kernel.processes.last.stdout.push("one\n");
    kernel.processes.last.stderr.push("two\n");
    await stopIn("a", "x");
    const output = outputs.all.get("a/x");
    expect(output?.texts).toEqual({ stdout: "one\n", stderr: "two\n" });
    expect(output?.isClosed).toBe(true);
  });
});

describe("Cells.free", () => {
  test("ends the executables of the cell and of those below, and removes all groups", async () => {
    allocate("a");
    allocate("a/b");
    start("a", "x");
    start("a/b", "y");
    await cells.free(name("a"));
    expect(kernel.cgroups.paths).toEqual([]);
    expect([...kernel.processes.all.values()].map((it) => it.signals)).toEqual([[15], [15]]);
    expect(cells.roots).toEqual([]);
  });

  test("that fails leaves records of what has not ended, and of nothing else", async () => {
    allocate("a");
    start("a", "x");
    kernel.cgroups.create("a/foreign");
    const { remove } = kernel.cgroups;
    kernel.cgroups.remove = (path: string): void => {
      if (path === "a/foreign") {
        throw new Error("it does not go");
      }
      remove.call(kernel.cgroups, path);
    };
    expect(cells.free(name("a"))).rejects.toThrow("it does not go");
    await settle();
    expect(state.load().executables).toEqual([]);
    expect(state.load().cells.map((cell) => cell.state)).toEqual(["allocated"]);
  });

  test("kills a process that was moved into the cell from outside", async () => {
    allocate("a");
    const outsider = kernel.processes.start({ paths: [], argv: [], env: {}, cwd: "/" });
    kernel.cgroups.join("a/_", outsider.pid);
    await cells.free(name("a"));
    expect(outsider.signals).toEqual([9]);
  });

  test("lets nothing start or be allocated in the cell meanwhile, and answers twice with one end", async () => {
    allocate("a");
    allocate("a/b");
    start("a", "x");
    const freed = [cells.free(name("a")), cells.free(name("a"))];
    expect(() => start("a", "y")).toThrow("cell 'a' is being freed");
    expect(() => start("a/b", "y")).toThrow("cell 'a/b' is being freed");
    expect(() => allocate("a/c")).toThrow("cell 'a' is being freed");
    expect(() => allocate("a")).toThrow("cell 'a' is being freed");
    await Promise.all(freed);
    allocate("a");
  });

  test("answers not_found for a cell that is not there, and for one whose group is gone", () => {
    expect(() => cells.free(name("a"))).toThrow("cell 'a' not found");
    allocate("a");
    kernel.cgroups.remove("a/_");
    kernel.cgroups.remove("a");
    expect(() => cells.free(name("a"))).toThrow("cgroup 'a' not found on host");
    expect(cells.roots).toEqual([]);
  });

  test("freeAll ends cells and the executables outside of them", async () => {
    allocate("a");
    start("a", "x");
    start(undefined, "y");
    await cells.freeAll(100);
    expect(kernel.cgroups.paths).toEqual([]);
  });
});

describe("Cells beside what another daemon left", () => {
  test("refuse an executable whose group is there, and say whose it is not", () => {
    kernel.cgroups.create("_");
    kernel.cgroups.create("_/exe.x");
    expect(() => start(undefined, "x")).toThrow(
      "executable 'x' can't have the cgroup '_/exe.x', which exists on host, but is not controlled by auraed",
    );
  });

  test("end at shutdown without an error, and leave it alone", async () => {
    kernel.cgroups.create("_");
    kernel.cgroups.create("_/exe.foreign");
    const foreign = kernel.processes.start({ paths: [], argv: [], env: {}, cwd: "/" });
    kernel.cgroups.join("_/exe.foreign", foreign.pid);
    start(undefined, "x");
    await cells.freeAll(5);
    expect(kernel.cgroups.paths).toEqual(["_", "_/exe.foreign"]);
    expect(foreign.ended).toBe(false);
  });
});
