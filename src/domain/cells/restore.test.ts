import { beforeEach, describe, expect, test } from "bun:test";
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

describe("Cells.restore", () => {
  const restore = async (): Promise<void> => {
    newDaemon();
    await cells.restore(state.load());
  };

  test("keeps the cells in a frozen one", async () => {
    allocate("a");
    allocate("a/b");
    start("a/b", "x");
    await cells.freeze(name("a"));
    await restore();
    expect(cells.find(name("a/b")).executables.size).toBe(1);
  });

  test("takes up cells, namespaces and executables that still run, with their output", async () => {
    allocate("a", { cpu: { weight: 7n } }, { isolateProcess: true });
    allocate("a/b");
    start("a/b", "x");
    const process = kernel.processes.last;
    const groups = kernel.cgroups.paths;
    await restore();
    expect(kernel.cgroups.paths).toEqual(groups);
    const b = cells.find(name("a/b"));
    expect(cells.find(name("a")).spec.limits.cpu?.weight).toBe(7n);
    expect(b.namespaces).toBe(kernel.namespaces.last);
    expect([...b.executables].map((it) => [it.spec.name, it.state, it.pid])).toEqual([
      [executableName("x"), "running", process.pid],
    ]);
    process.stdout.push("still here\n");
    process.exit({ kind: "exited", code: 4 });
    expect((await b.executables.find(executableName("x")).wait()).status).toEqual({
      kind: "exited",
      code: 4,
    });
    await cells.freeAll(5);
    expect(outputs.all.get("a/b/x")?.texts.stdout).toBe("still here\n");
    expect(kernel.cgroups.paths).toEqual([]);
  });

  test("says of what ended meanwhile that nobody saw how, and of what ended before, how", async () => {
    allocate("a");
    start("a", "before");
    kernel.processes.last.exit({ kind: "exited", code: 3 });
    await Bun.sleep(0);
    start("a", "meanwhile");
    const { last } = kernel.processes;
    newDaemon();
    last.exit({ kind: "exited", code: 4 });
    await cells.restore(state.load());
    const { executables } = cells.find(name("a"));
    expect(executables.find(executableName("before")).ending?.status).toEqual({
      kind: "exited",
      code: 3,
    });
    const meanwhile = executables.find(executableName("meanwhile"));
    expect([meanwhile.state, meanwhile.ending?.status]).toEqual(["exited", undefined]);
    expect(await stopIn("a", "meanwhile")).toMatchObject({ status: undefined });
  });

  test("undoes what was being allocated, and finishes what was being freed", async () => {
    allocate("half");
    allocate("doomed");
    start("doomed", "x");
    const record = state.load().cells.find((it) => it.name === "half");
    const doomed = state.load().cells.find((it) => it.name === "doomed");
    if (record === undefined || doomed === undefined) {
      throw new Error("not saved");
    }
    state.saveCell({ ...record, state: "allocating" });
    state.saveCell({ ...doomed, state: "freeing" });
    await restore();
    expect(kernel.cgroups.paths).toEqual([]);
    expect(kernel.processes.running).toEqual([]);
    expect(state.load()).toMatchObject({ cells: [], executables: [] });
  });

  test("ends what was being started, and leaves alone what it does not know", async () => {
    allocate("a");
    kernel.cgroups.create("a/_/exe.unsaved");
    const unsaved = kernel.processes.start({ paths: [], argv: [], env: {}, cwd: "/" });
    kernel.cgroups.join("a/_/exe.unsaved", unsaved.pid);
    kernel.cgroups.create("foreign");
    await restore();
    expect(unsaved.ended).toBe(true);
    expect(kernel.cgroups.paths).toEqual(["a", "a/_", "foreign"]);
  });

  test("forgets cells whose groups are gone", async () => {
    allocate("a");
    allocate("a/b");
    for (const path of ["a/b/_", "a/b", "a/_", "a"]) {
      kernel.cgroups.remove(path);
    }
    await restore();
    expect(cells.roots).toEqual([]);
    expect(state.load().cells).toEqual([]);
  });
});
