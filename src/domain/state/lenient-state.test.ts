import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { exitedWith, restart, until, World } from "../../../test/harness/cells-world.ts";
import { setLogSink } from "../../base/log.ts";
import { cellRecord, cellSpec } from "../cells/cell.ts";
import { CellName } from "../cells/cell-name.ts";
import { LenientState } from "./lenient-state.ts";
import { MemoryState } from "./memory-state.ts";

const FULL = new Error("database or disk is full");

let world: World;
let logged: string[];
let unlog: () => void;

/** From now on nothing can be kept. */
function fillDisk(): void {
  const fail = (): never => {
    throw FULL;
  };
  const { state } = world;
  Object.assign(state, {
    ...{ saveCell: fail, removeCell: fail, removeCells: fail },
    ...{ saveExecutable: fail, removeExecutable: fail },
    ...{ claimOnce: fail, disclaimOnce: fail, reserveEvents: fail },
  });
}

beforeEach(() => {
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
  world = new World();
  world.allocate("a");
});

afterEach(() => unlog());

describe("a cell that is to go soon", () => {
  const record = (name: string) =>
    cellRecord(cellSpec({ name: CellName.parse(name) }), "allocated", undefined);
  const names = (state: MemoryState): string[] => state.load().cells.map(({ name }) => name);
  let kept: MemoryState;
  let state: LenientState;

  beforeEach(() => {
    kept = new MemoryState();
    state = new LenientState(kept);
  });

  test("goes with others in a while, and is there until then", async () => {
    for (const name of ["a", "b", "c"]) {
      state.saveCell(record(name));
    }
    state.removeCellSoon("a");
    state.removeCellSoon("b");
    expect(names(kept)).toEqual(["a", "b", "c"]);
    await until("both to go", () => names(kept).length === 1);
    expect(names(kept)).toEqual(["c"]);
  });

  test("stays where its name is saved again", async () => {
    state.saveCell(record("a"));
    state.removeCellSoon("a");
    state.saveCell(record("a"));
    state.removeCellSoon("b");
    state.flush();
    expect(names(kept)).toEqual(["a"]);
  });

  test("goes at once where there are many, and when asked", () => {
    for (let i = 0; i < 64; i++) {
      state.saveCell(record(`c${i}`));
      state.removeCellSoon(`c${i}`);
    }
    expect(names(kept)).toEqual([]);
    state.saveCell(record("a"));
    state.removeCellSoon("a");
    state.flush();
    expect(names(kept)).toEqual([]);
  });

  test("that can't be removed is told, and tried again with the next", () => {
    const { removeCells } = kept;
    kept.removeCells = () => {
      throw FULL;
    };
    for (const name of ["a", "b"]) {
      state.saveCell(record(name));
    }
    state.removeCellSoon("a");
    state.flush();
    expect(logged.join()).toContain('cells=a cause="database or disk is full"');
    kept.removeCells = removeCells;
    state.removeCellSoon("b");
    state.flush();
    expect(names(kept)).toEqual([]);
  });
});

describe("with a full disk", () => {
  test("executables go on, are restarted, start and stop, and the loss is told", async () => {
    const x = world.start("a:x", { restart: restart("always") });
    fillDisk();
    world.process("a:x").exit(exitedWith(0));
    await until("the restart", () => x.restarts === 1);
    world.start("a:y");
    await world.stop("a:y");
    expect(x.state).toBe("running");
    expect(logged[0]).toContain("ERROR could not keep a state for the daemon that comes next");
    expect(logged[0]).toContain('executable=x cause="database or disk is full"');
    expect(world.kinds("y")).toEqual(["started", "stopping", "exited", "stopped"]);
  });

  test("cells are freed, updated and thawed", async () => {
    world.start("a:x");
    fillDisk();
    const name = CellName.parse("a");
    world.cells.update(name, { cpu: { weight: 5n } });
    await world.cells.free(name);
    expect(world.kernel.cgroups.paths).toEqual([]);
    expect(world.cells.roots).toEqual([]);
  });

  test("no cell is allocated, and no executable started that is to be once a boot", () => {
    fillDisk();
    expect(() => world.allocate("b")).toThrow(
      "cell 'b' could not be allocated: its state can't be kept: database or disk is full",
    );
    expect(() => world.start("a:x", { oncePerBoot: true })).toThrow(
      "executable 'x' could not be started: its state can't be kept: database or disk is full",
    );
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
    expect(world.kernel.processes.all.size).toBe(0);
    expect(world.cells.roots.map(({ cgroup }) => cgroup)).toEqual(["a"]);
  });
});
