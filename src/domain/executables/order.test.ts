import { beforeEach, describe, expect, test } from "bun:test";
import {
  exitedWith,
  killedBy,
  restart,
  settle,
  until,
  World,
} from "../../../test/harness/cells-world.ts";
import { executableName } from "./executable-name.ts";
import type { ExecutableSpec } from "./executable-spec.ts";

let world: World;

const names = (...all: string[]) => all.map(executableName);
const NOTIFY: Partial<ExecutableSpec> = { readiness: { kind: "notify", timeoutMs: 0 } };

function makeReady(where: string): void {
  const { options, pid } = world.process(where);
  const socket = options.env.NOTIFY_SOCKET ?? "";
  world.kernel.notifications.sockets.get(socket)?.({ text: "READY=1", pid });
}

function states(): Record<string, string> {
  const { roots } = world.cells;
  const all = [...roots.flatMap((cell) => [...cell.executables]), ...world.cells.outside];
  return Object.fromEntries(all.map(({ spec, state }) => [spec.name, state]));
}

/** In which order things of one kind were told of executables. */
const order = (kind: string): (string | undefined)[] =>
  world.told.filter((event) => event.kind === kind).map(({ executable }) => executable);

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

describe("after", () => {
  test("waits until the other is ready, and says for whom", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { after: names("x") });
    expect(states()).toEqual({ x: "starting", y: "waiting" });
    expect(world.told.at(-1)).toMatchObject({ kind: "waiting", detail: "for 'x'" });
    expect(world.kernel.cgroups.exists("a/_/exe.y")).toBe(false);
    makeReady("a:x");
    await settle();
    expect(states()).toEqual({ x: "running", y: "running" });
    expect(world.kinds("y")).toEqual(["waiting", "started"]);
  });

  test("does not wait for one that is not there, that runs, or that has ended", async () => {
    world.start("a:runs");
    world.start("a:ended");
    world.process("a:ended").exit(exitedWith(1));
    await settle();
    expect(world.start("a:y", { after: names("nobody", "runs", "ended") }).state).toBe("running");
  });

  test("waits for one that is about to be restarted", async () => {
    const slow = restart("always", { backoffMs: 60_000, maxBackoffMs: 60_000 });
    world.start("a:x", { restart: slow });
    world.process("a:x").exit(exitedWith(1));
    await settle();
    expect(world.start("a:y", { after: names("x") }).state).toBe("waiting");
    await world.stop("a:x");
    await settle();
    expect(states()).toEqual({ y: "running" });
  });

  test("goes on when the other ends without having been ready, or is stopped", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { after: names("x") });
    world.process("a:x").exit(exitedWith(1));
    await settle();
    expect(states().y).toBe("running");
    world.start("a:z", NOTIFY);
    world.start("a:w", { after: names("z") });
    await world.stop("a:z");
    await settle();
    expect(states().w).toBe("running");
  });

  test("does not end it with the other", async () => {
    world.start("a:x");
    world.start("a:y", { after: names("x") });
    await world.stop("a:x");
    await settle();
    expect(states()).toEqual({ y: "running" });
  });

  test("is the order in a chain of three", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { ...NOTIFY, after: names("x") });
    world.start("a:z", { after: names("y") });
    expect(states()).toEqual({ x: "starting", y: "waiting", z: "waiting" });
    makeReady("a:x");
    await settle();
    expect(states()).toEqual({ x: "running", y: "starting", z: "waiting" });
    makeReady("a:y");
    await settle();
    expect(states()).toEqual({ x: "running", y: "running", z: "running" });
  });

  test("looks at executables of the same cell alone", () => {
    world.allocate("b");
    world.start("b:x", NOTIFY);
    world.start("x", NOTIFY);
    expect(world.start("a:y", { after: names("x") }).state).toBe("running");
  });

  test("tells a launch that fails later by an event, and Wait", async () => {
    world.start("a:x", NOTIFY);
    const y = world.start("a:y", { after: names("x") });
    world.kernel.processes.failNext = "ENOENT";
    makeReady("a:x");
    expect(await y.wait()).toMatchObject({ status: undefined });
    expect(y.state).toBe("exited");
    expect(world.told.at(-1)).toMatchObject({
      kind: "exited",
      executable: "y",
      detail: 'exec "/bin/sh": ENOENT',
    });
  });
});

describe("requires", () => {
  test("waits until the other is ready", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { requires: names("x") });
    expect(states().y).toBe("waiting");
    makeReady("a:x");
    await settle();
    expect(states().y).toBe("running");
  });

  test("refuses to start without the other, and leaves nothing", async () => {
    const start = () => world.start("a:y", { requires: names("x") });
    expect(start).toThrow("executable 'y' requires 'x', which does not run; start that first");
    world.start("a:x");
    world.process("a:x").exit(exitedWith(0));
    await settle();
    expect(start).toThrow("executable 'y' requires 'x', which does not run; start that first");
    expect(states()).toEqual({ x: "exited" });
    expect([...world.outputs.all.keys()]).toEqual(["a/x"]);
  });

  test("refuses one that is being stopped", async () => {
    world.start("a:x");
    const stopped = world.stop("a:x");
    expect(() => world.start("a:y", { requires: names("x") })).toThrow("which does not run");
    await stopped;
  });

  test("refuses an executable that waits for itself, naming the field", () => {
    for (const field of ["requires", "after"] as const) {
      let thrown: unknown;
      try {
        world.start("a:x", { [field]: names("x") });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({
        kind: "invalid_argument",
        violations: [{ field: `executable.${field}` }],
      });
    }
  });

  test("ends it when the other ends, with all of its tree, and its policy does not bring it back", async () => {
    world.start("a:x");
    const y = world.start("a:y", { requires: names("x"), restart: restart("always") });
    const left = world.fork("a:y");
    world.process("a:x").exit(exitedWith(1));
    expect(await y.wait()).toMatchObject({ status: killedBy(15) });
    await Bun.sleep(10);
    expect(states()).toEqual({ x: "exited", y: "exited" });
    expect([left.ended, world.processes("y").length]).toEqual([true, 1]);
    const why = "it requires 'x', which has ended";
    expect(world.kinds("y")).toEqual(["started", "stopping", "exited"]);
    expect(world.told.at(-1)).toMatchObject({ status: killedBy(15), detail: why });
  });

  test("leaves it while the other is restarted, and ends it when that has failed", async () => {
    const limit = restart("on-failure", { startLimit: 2, startLimitIntervalMs: 60_000 });
    const x = world.start("a:x", { restart: limit });
    const y = world.start("a:y", { requires: names("x") });
    world.process("a:x").exit(exitedWith(1));
    await until("the restart", () => x.restarts === 1);
    expect(y.state).toBe("running");
    world.process("a:x").exit(exitedWith(1));
    await y.wait();
    expect(states()).toEqual({ x: "failed", y: "exited" });
  });

  test("ends one that waits when the other can't be had any more", async () => {
    world.start("a:x", NOTIFY);
    const y = world.start("a:y", { requires: names("x") });
    world.process("a:x").exit(exitedWith(1));
    expect(await y.wait()).toMatchObject({ status: undefined });
    expect([y.state, world.processes("y")]).toEqual(["exited", []]);
    expect(world.kinds("y")).toEqual(["waiting", "stopping", "exited"]);
  });

  test("ends it at Stop of the other, before that", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    world.process("a:y").fatal.delete(15);
    const stopped = world.stop("a:x");
    await settle();
    expect([world.process("a:y").signals, world.process("a:x").signals]).toEqual([[15], []]);
    expect(states()).toEqual({ x: "stopping", y: "stopping" });
    world.process("a:y").exit(exitedWith(0));
    expect(await stopped).toMatchObject({ status: killedBy(15) });
    expect(states()).toEqual({ y: "exited" });
    expect(world.told.filter(({ kind }) => kind === "exited")).toMatchObject([
      { executable: "y", status: exitedWith(0), detail: "it requires 'x', which is stopped" },
      { executable: "x", status: killedBy(15) },
    ]);
  });

  test("leaves one alone at Stop of the other that has ended before", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    world.process("a:y").exit(exitedWith(3));
    await settle();
    await world.stop("a:x");
    expect(world.kinds("y")).toEqual(["started", "exited"]);
    expect(world.find("a:y").ending?.status).toEqual(exitedWith(3));
  });

  test("has a second Stop at the same time wait for the dependents, too", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    world.process("a:y").fatal.delete(15);
    const stops = [world.stop("a:x"), world.stop("a:x", { graceMs: 0 })];
    await settle();
    expect(world.process("a:x").signals).toEqual([]);
    world.process("a:y").exit(exitedWith(0));
    const [one, two] = await Promise.all(stops);
    expect(two).toBe(one);
  });

  test("ends a chain of three from its end to its beginning", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    world.start("a:z", { requires: names("y") });
    world.process("a:z").fatal.delete(15);
    const stopped = world.stop("a:x");
    await settle();
    expect([world.process("a:z").signals, world.process("a:y").signals]).toEqual([[15], []]);
    world.process("a:z").exit(exitedWith(0));
    await stopped;
    expect(order("exited")).toEqual(["z", "y", "x"]);
    expect(states()).toEqual({ y: "exited", z: "exited" });
  });

  test("ends a chain of three when the first one ends by itself", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    const z = world.start("a:z", { requires: names("y") });
    world.process("a:x").exit(exitedWith(0));
    await z.wait();
    await until("all to have ended", () => world.kernel.processes.running.length === 0);
    await settle();
    expect(states()).toEqual({ x: "exited", y: "exited", z: "exited" });
  });

  test("can be started again once the other runs again", async () => {
    world.start("a:x");
    world.start("a:y", { requires: names("x") });
    await world.stop("a:x");
    await world.stop("a:y");
    world.start("a:x");
    expect(world.start("a:y", { requires: names("x") }).state).toBe("running");
  });
});

describe("Free", () => {
  test("ends executables in the reverse order of their start order", async () => {
    world.start("a:z");
    world.start("a:y", { after: names("z") });
    world.start("a:x", { requires: names("y") });
    world.process("a:x").fatal.delete(15);
    const freed = world.cells.freeAll(60_000);
    await settle();
    expect(world.kernel.processes.running.map(({ signals }) => signals)).toEqual([[], [], [15]]);
    world.process("a:x").exit(exitedWith(0));
    await freed;
    expect(order("stopped")).toEqual(["x", "y", "z"]);
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("ends two that wait for each other", async () => {
    world.start("a:x", { after: names("y") });
    world.start("a:y", { after: names("x") });
    await world.cells.freeAll(60_000);
    expect(order("stopped").toSorted()).toEqual(["x", "y"]);
    expect(world.kernel.processes.running).toEqual([]);
  });

  test("starts nobody who waits for one that it ends", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { after: names("x") });
    await world.cells.freeAll(60_000);
    await settle();
    expect(world.processes("y")).toEqual([]);
  });
});

describe("once_per_boot", () => {
  const once: Partial<ExecutableSpec> = { oncePerBoot: true };
  const WHY = "executable 'x' was started since the machine booted";

  test("refuses a second start, and leaves nothing of it", async () => {
    world.start("a:x", once);
    await world.stop("a:x");
    const before = world.outputs.all.get("a/x");
    expect(() => world.start("a:x", once)).toThrow(WHY);
    expect(states()).toEqual({});
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
    const after = world.outputs.all.get("a/x");
    expect([after === before, after?.isClosed]).toEqual([false, true]);
  });

  test("holds also after Free, and after another daemon has come", async () => {
    world.start("a:x", once);
    await world.cells.freeAll(5);
    world.allocate("a");
    expect(() => world.start("a:x", once)).toThrow(WHY);
    await world.killDaemon();
    expect(() => world.start("a:x", once)).toThrow(WHY);
  });

  test("is of one name in one cell, and does not hold those who do not ask for it", async () => {
    world.start("a:x", once);
    world.allocate("b");
    world.start("b:x", once);
    world.start("x", once);
    world.start("a:y", once);
    await world.stop("a:x");
    world.start("a:x");
  });

  test("is not used up by a start that failed", () => {
    world.kernel.processes.failNext = "ENOENT";
    expect(() => world.start("a:x", once)).toThrow("failed to start");
    expect(world.start("a:x", once).state).toBe("running");
  });

  test("is used up by one start with its restarts", async () => {
    const x = world.start("a:x", { ...once, restart: restart("always") });
    world.process("a:x").exit(exitedWith(0));
    await until("the restart", () => x.restarts === 1);
  });
});
