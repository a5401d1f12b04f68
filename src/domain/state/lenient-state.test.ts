import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { exitedWith, restart, until, World } from "../../../test/harness/cells-world.ts";
import { setLogSink } from "../../base/log.ts";
import { CellName } from "../cells/cell-name.ts";

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
    ...{ saveCell: fail, removeCell: fail, saveExecutable: fail, removeExecutable: fail },
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
