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
const SLOW = restart("always", { backoffMs: 60_000, maxBackoffMs: 60_000 });

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

describe("after a daemon was killed, an executable", () => {
  test("that ran goes on, with its process, its output and its end", async () => {
    world.start("a:x", { restart: restart("on-failure", { startLimit: 5 }) });
    const process = world.process("a:x");
    process.stdout.push("one\n");
    await settle();
    await world.killDaemon(() => process.stdout.push("two\n"));
    const x = world.find("a:x");
    expect([x.state, x.pid, x.restarts]).toEqual(["running", process.pid, 0]);
    process.stdout.push("three\n");
    await settle();
    const output = world.outputs.all.get("a/x");
    expect([output?.texts.stdout, output?.writers]).toEqual(["two\nthree\n", [process.pid]]);
    process.exit(exitedWith(0));
    expect(await x.wait()).toMatchObject({ status: exitedWith(0) });
    expect(world.kinds("x")).toEqual(["started", "adopted", "exited"]);
  });

  test("that ran is restarted when it ends, with the count going on", async () => {
    const policy = { restart: restart("always") };
    world.start("a:x", policy);
    world.process("a:x").exit(exitedWith(0));
    await until("a restart", () => world.find("a:x").restarts === 1);
    await world.killDaemon();
    world.process("a:x").exit(exitedWith(0));
    await until("another", () => world.find("a:x").restarts === 2);
    expect(world.processes("x").length).toBe(3);
  });

  test("that ran with a terminal or input can be written to", async () => {
    world.start("a:x", { stdin: "pipe" });
    await world.killDaemon();
    await world.find("a:x").process?.stdin?.write(Buffer.from("hello"));
    expect(world.process("a:x").stdin?.text).toBe("hello");
  });

  test("that was ready is not told to be ready again", async () => {
    const x = world.start("a:x", NOTIFY);
    const { NOTIFY_SOCKET = "" } = world.process("a:x").options.env;
    world.kernel.notifications.sockets.get(NOTIFY_SOCKET)?.({ text: "READY=1", pid: x.pid });
    await world.killDaemon();
    expect(world.kinds("x")).toEqual(["started", "ready", "adopted"]);
    expect(world.find("a:x").state).toBe("running");
  });

  test("that was starting can say still that it is ready, and those who require it start then", async () => {
    const x = world.start("a:x", NOTIFY);
    const { NOTIFY_SOCKET = "" } = world.process("a:x").options.env;
    world.start("a:a-first", { requires: names("x") });
    const say = (text: string) =>
      world.kernel.notifications.sockets.get(NOTIFY_SOCKET)?.({ text, pid: x.pid });
    for (let kills = 0; kills < 2; kills++) {
      await world.killDaemon();
      say("STATUS=warming up");
      await settle();
      expect([world.find("a:x").state, world.find("a:x").statusText]).toEqual([
        "starting",
        "warming up",
      ]);
      expect([world.find("a:a-first").state, world.processes("a-first")]).toEqual(["waiting", []]);
    }
    say("READY=1");
    await settle();
    expect([world.find("a:x").state, world.find("a:a-first").state]).toEqual([
      "running",
      "running",
    ]);
    expect(world.kinds("x")).toEqual(["started", "adopted", "adopted", "ready"]);
    await world.stop("a:x");
    expect(world.kernel.notifications.sockets.has(NOTIFY_SOCKET)).toBe(false);
  });

  test("that was starting is ended when it does not say so in time, by its policy", async () => {
    world.start("a:x", { readiness: { kind: "notify", timeoutMs: 20 }, restart: SLOW });
    const process = world.process("a:x");
    await world.killDaemon();
    expect(world.find("a:x").state).toBe("starting");
    await until("the end", () => world.find("a:x").state === "restarting");
    expect(process.signals).toEqual([15]);
    expect(world.told.find(({ kind }) => kind === "exited")).toMatchObject({
      detail: "it did not say within 20 ms that it is ready",
    });
  });

  test("that was to say it to a descriptor, or to a socket that nobody knows, counts as ready", async () => {
    world.start("a:fd", { readiness: { kind: "fd", fd: 3, timeoutMs: 5 } });
    world.start("a:old", { readiness: { kind: "notify", timeoutMs: 5 } });
    await world.killDaemon(() => {
      for (const { cell, record } of world.state.load().executables) {
        world.state.saveExecutable(cell, { ...record, notifySocket: undefined });
      }
    });
    await Bun.sleep(10);
    expect([world.find("a:fd").state, world.find("a:old").state]).toEqual(["running", "running"]);
    expect(world.kinds("fd")).toEqual(["started", "adopted", "ready"]);
    expect(world.process("a:fd").signals).toEqual([]);
  });

  test("that was starting and has ended meanwhile has failed, by its policy", async () => {
    world.start("a:x", { ...NOTIFY, restart: restart("on-failure") });
    const { last } = world.kernel.processes;
    await world.killDaemon(() => last.exit(exitedWith(0)));
    await until("the restart", () => world.find("a:x").restarts === 1);
    expect(world.find("a:x").state).toBe("starting");
    expect(world.kinds("x")).toEqual(["started", "exited", "restarting", "started"]);
  });

  test("that waits goes on waiting, whatever order they are found in", async () => {
    for (const [first, second] of [
      ["m", "z"],
      ["n", "b"],
    ] as const) {
      world.start(`a:${first}`, NOTIFY);
      world.start(`a:${second}`, { after: names(first), requires: names(first) });
    }
    const m = world.process("a:m");
    const n = world.process("a:n");
    // The next daemon finds them in the order of their names, as the database has them.
    for (const { cell, record } of [...world.state.load().executables].sort((one, two) =>
      one.record.spec.name < two.record.spec.name ? -1 : 1,
    )) {
      world.state.removeExecutable(cell, record.spec.name);
      world.state.saveExecutable(cell, record);
    }
    await world.killDaemon(() => m.exit(exitedWith(0)));
    // One has gone, which ends who required it; the other is not ready yet.
    expect([world.find("a:z").state, world.find("a:b").state]).toEqual(["exited", "waiting"]);
    expect(n.ended).toBe(false);
    expect(world.processes("z")).toEqual([]);
    expect(await world.find("a:z").wait()).toMatchObject({ status: undefined });
  });

  test("that waited without its other being there starts", async () => {
    world.start("a:x", NOTIFY);
    world.start("a:y", { after: names("x") });
    world.state.removeExecutable("a", "x");
    await world.killDaemon();
    expect(world.find("a:y").state).toBe("running");
  });

  test("that was to be restarted is, once what is left of its tree was killed", async () => {
    const { spec } = world.start("a:x", { restart: SLOW });
    const left = world.fork("a:x");
    left.fatal.delete(15);
    world.process("a:x").exit(exitedWith(3));
    await settle();
    const { record } = world.state.load().executables[0]!;
    expect(record.state).toBe("restarting");
    const soon = { ...spec, restart: { ...SLOW, backoffMs: 0 } };
    await world.killDaemon(() => world.state.saveExecutable("a", { ...record, spec: soon }));
    await until("the restart", () => world.find("a:x").state === "running");
    expect([world.find("a:x").restarts, left.signals]).toEqual([1, [9]]);
    expect(world.kernel.cgroups.processes("a/_/exe.x")).toEqual([world.find("a:x").pid]);
  });

  test("that was to be restarted can be stopped before, and tells how it ended", async () => {
    world.start("a:x", { restart: SLOW });
    const left = world.fork("a:x");
    world.process("a:x").exit(exitedWith(3));
    await settle();
    await world.killDaemon();
    expect([world.find("a:x").state, world.find("a:x").ending?.status]).toEqual([
      "restarting",
      exitedWith(3),
    ]);
    expect(await world.stop("a:x")).toMatchObject({ status: exitedWith(3) });
    expect(left.ended).toBe(true);
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("that ended meanwhile is restarted, once what is left of its tree was killed", async () => {
    world.start("a:x", { restart: restart("always") });
    const { last } = world.kernel.processes;
    const left = world.fork("a:x");
    await world.killDaemon(() => last.exit(exitedWith(0)));
    await until("the restart", () => world.find("a:x").restarts === 1);
    expect(left.ended).toBe(true);
    expect(world.kernel.cgroups.processes("a/_/exe.x")).toEqual([world.find("a:x").pid]);
  });

  test("that ended meanwhile ends those that require it", async () => {
    world.start("a:x");
    const { last } = world.kernel.processes;
    world.start("a:y", { requires: names("x") });
    await world.killDaemon(() => last.exit(exitedWith(0)));
    await until("the end", () => world.find("a:y").state === "exited");
    expect([world.find("a:x").state, world.find("a:y").ending?.status]).toEqual([
      "exited",
      killedBy(15),
    ]);
  });

  test("that had exited tells how, at once, and also after a second kill", async () => {
    world.start("a:x");
    const { pid } = world.find("a:x");
    world.process("a:x").exit(exitedWith(4), 77);
    await settle();
    await world.killDaemon();
    await world.killDaemon();
    const x = world.find("a:x");
    expect([x.state, x.pid]).toEqual(["exited", pid]);
    expect(await x.wait()).toMatchObject({ status: exitedWith(4), maxRssBytes: 77 });
    expect(world.processes("x").length).toBe(1);
  });

  test("that was ended for want of another, without ever having run, does not have Wait hang", async () => {
    world.start("a:x", NOTIFY);
    const y = world.start("a:y", { requires: names("x") });
    world.process("a:x").exit(exitedWith(1));
    await y.wait();
    await settle();
    await world.killDaemon();
    expect(world.find("a:y").state).toBe("exited");
    expect(await world.find("a:y").wait()).toMatchObject({ status: undefined });
  });

  test("that has failed stays so, and is not started", async () => {
    const policy = restart("always", { startLimit: 1, startLimitIntervalMs: 60_000 });
    const x = world.start("a:x", { restart: policy });
    world.process("a:x").exit(exitedWith(9));
    await x.wait();
    await world.killDaemon();
    expect(world.find("a:x").state).toBe("failed");
    expect(await world.find("a:x").wait()).toMatchObject({ status: exitedWith(9) });
    await settle();
    expect(world.processes("x").length).toBe(1);
  });

  test("that was being stopped goes on being stopped", async () => {
    world.start("a:x");
    const process = world.process("a:x");
    process.fatal.delete(15);
    void world.stop("a:x");
    await settle();
    await world.killDaemon();
    expect(world.find("a:x").state).toBe("stopping");
    process.exit(exitedWith(0));
    await until("the end", () => world.state.load().executables.length === 0);
    expect(() => world.find("a:x")).toThrow("not found");
  });

  test("that was just being launched is ended, and its name is free again", async () => {
    world.start("x");
    const process = world.process("x");
    for (const { cell, record } of world.state.load().executables) {
      world.state.saveExecutable(cell, { ...record, state: "launching" });
    }
    await world.killDaemon();
    await until("the end", () => world.state.load().executables.length === 0);
    expect(process.ended).toBe(true);
    world.start("x");
    expect(world.find("x").state).toBe("running");
  });

  test("that is in no cell is taken up as well", async () => {
    world.start("x");
    await world.killDaemon();
    expect(world.find("x").state).toBe("running");
    await world.stop("x");
  });

  test("has its health checked", async () => {
    const healthCheck = {
      ...{ command: "check", intervalMs: 1, timeoutMs: 60_000, retries: 1, startPeriodMs: 0 },
    };
    world.start("a:x", { healthCheck });
    const before = world.processes("check").length;
    await world.killDaemon();
    await until("a check", () => world.processes("check").length > before);
    world.processes("check").at(-1)?.exit(exitedWith(0));
    await until("the verdict", () => world.find("a:x").health === "healthy");
    await world.stop("a:x");
  });
});
