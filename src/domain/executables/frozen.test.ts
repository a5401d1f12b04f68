import { beforeEach, describe, expect, test } from "bun:test";
import {
  exitedWith,
  killedBy,
  restart,
  settle,
  until,
  World,
} from "../../../test/harness/cells-world.ts";
import { CellName } from "../cells/cell-name.ts";
import { executableName } from "./executable-name.ts";

let world: World;
const A = CellName.parse("a");

beforeEach(() => {
  world = new World();
  world.allocate("a");
  world.allocate("a/b");
});

describe("an executable of a frozen cell", () => {
  test("can't be started, there or below, and nothing is left of it", async () => {
    await world.cells.freeze(A);
    expect(() => world.start("a:x")).toThrow("cell 'a' is frozen; thaw it first");
    expect(() => world.start("a/b:x")).toThrow("cell 'a' is frozen; thaw it first");
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_", "a/b", "a/b/_"]);
    await world.cells.thaw(A);
    world.start("a:x");
  });

  test("is killed at once by Stop, whatever its grace period", async () => {
    world.start("a/b:x", { stop: { signal: 15, graceMs: 600_000 } });
    const process = world.process("a/b:x");
    process.fatal.delete(15); // As the kernel has it: a frozen process takes no signal but SIGKILL.
    await world.cells.freeze(A);
    expect(await world.stop("a/b:x")).toMatchObject({ status: killedBy(9), oomKilled: false });
    expect(process.signals).toEqual([15, 9]);
  });

  test("is killed at once where it is halted, too", async () => {
    world.start("a:x");
    world.start("a:y", { requires: [executableName("x")] });
    world.process("a:y").fatal.delete(15);
    await world.cells.freeze(A);
    await world.stop("a:x");
    expect(world.find("a:y").ending?.status).toEqual(killedBy(9));
  });

  test("that is to be restarted waits for the thaw, and that is no failure", async () => {
    const policy = restart("always", { startLimit: 2, startLimitIntervalMs: 60_000 });
    const x = world.start("a:x", { restart: policy });
    const process = world.process("a:x");
    await world.cells.freeze(A);
    process.exit(killedBy(9));
    await until("the attempt", () => x.restarts === 1);
    await Bun.sleep(5);
    expect([x.state, world.processes("x").length]).toEqual(["restarting", 1]);
    await world.cells.thaw(A);
    await until("the restart", () => x.state === "running");
    expect([x.restarts, world.kinds("x").filter((kind) => kind === "exited").length]).toEqual([
      1, 1,
    ]);
  });

  test("that waits for another starts after the thaw", async () => {
    world.start("a:x", { readiness: { kind: "notify", timeoutMs: 0 } });
    const y = world.start("a:y", { after: [executableName("x")] });
    await world.cells.freeze(A);
    world.process("a:x").exit(exitedWith(0));
    await settle();
    expect(y.state).toBe("waiting");
    await world.cells.thaw(A);
    await until("the start", () => y.state === "running");
  });

  test("that is to be restarted can be stopped", async () => {
    world.start("a:x", { restart: restart("always") });
    const process = world.process("a:x");
    await world.cells.freeze(A);
    process.exit(exitedWith(3));
    await until("the attempt", () => world.find("a:x").restarts === 1);
    expect(await world.stop("a:x")).toMatchObject({ status: exitedWith(3) });
    await world.cells.thaw(A);
    await Bun.sleep(5);
    expect(world.processes("x").length).toBe(1);
  });

  test("hears its signal at Free, which thaws it", async () => {
    world.start("a/b:x");
    await world.cells.freeze(A);
    const { signals } = world.process("a/b:x");
    await world.cells.free(A);
    expect(signals).toEqual([15]);
    expect(world.kernel.cgroups.paths).toEqual([]);
  });
});
