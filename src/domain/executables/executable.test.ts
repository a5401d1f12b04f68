import { beforeEach, describe, expect, test } from "bun:test";
import {
  exitedWith,
  killedBy,
  restart,
  settle,
  until,
  World,
} from "../../../test/harness/cells-world.ts";

let world: World;

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

describe("Executable restarts", () => {
  test("never, by default, however it ends", async () => {
    const executable = world.start("a:x");
    world.process("a:x").exit(killedBy(11));
    await settle();
    expect([executable.state, executable.ending?.status]).toEqual(["exited", killedBy(11)]);
    expect(world.kernel.processes.running).toEqual([]);
  });

  test("on failure after a bad end, and not after a good one", async () => {
    const executable = world.start("a:x", { restart: restart("on-failure") });
    world.process("a:x").exit(exitedWith(1));
    await until("the restart", () => executable.restarts === 1);
    world.process("a:x").exit(killedBy(6));
    await until("the second restart", () => executable.restarts === 2);
    world.process("a:x").exit(exitedWith(0));
    await settle();
    expect([executable.state, executable.restarts]).toEqual(["exited", 2]);
    expect(await executable.wait()).toMatchObject({ status: exitedWith(0) });
  });

  test("always, also after a good end, and with a new process each time", async () => {
    const executable = world.start("a:x", { restart: restart("always") });
    const first = executable.pid;
    world.process("a:x").exit(exitedWith(0));
    await until("the restart", () => executable.restarts === 1);
    expect(executable.state).toBe("running");
    expect(executable.pid).not.toBe(first);
    expect(world.kernel.cgroups.processes("a/_/exe.x")).toEqual([executable.pid]);
    expect(executable.ending).toBeUndefined();
  });

  test("only once what is left of the tree was killed", async () => {
    const executable = world.start("a:x", { restart: restart("always") });
    const left = world.fork("a:x");
    left.fatal.delete(15);
    world.process("a:x").exit(exitedWith(0));
    await until("the restart", () => executable.restarts === 1);
    expect(left.signals).toEqual([9]);
    expect(world.kernel.cgroups.processes("a/_/exe.x")).toEqual([executable.pid]);
  });

  test("too often: it has failed, and Wait tells how it ended the last time", async () => {
    const limited = restart("on-failure", { startLimit: 3, startLimitIntervalMs: 60_000 });
    const executable = world.start("a:x", { restart: limited });
    const ending = executable.wait();
    for (const code of [1, 2, 3]) {
      world.process("a:x").exit(exitedWith(code));
      await until(
        `the end of ${code}`,
        () => executable.state === "failed" || executable.restarts === code,
      );
    }
    expect([executable.state, executable.restarts, world.processes("x").length]).toEqual([
      "failed",
      2,
      3,
    ]);
    expect(await ending).toMatchObject({ status: exitedWith(3) });
    expect(world.told.at(-1)).toMatchObject({
      kind: "failed",
      detail: "started 3 times, which is too often",
    });
    expect(world.kinds("x").filter((kind) => kind === "exited").length).toBe(3);
  });

  test("count a launch that fails as a failure, and try again", async () => {
    const executable = world.start("a:x", { restart: restart("on-failure") });
    world.kernel.processes.failNext = "ENOENT";
    world.process("a:x").exit(exitedWith(1));
    await until("the start after the failed one", () => world.processes("x").length === 2);
    expect(executable.restarts).toBe(2);
    expect(world.kinds("x")).toEqual([
      ...["started", "exited", "restarting"],
      ...["exited", "restarting", "started"],
    ]);
    expect(world.told.filter(({ kind }) => kind === "exited")[1]).toMatchObject({
      pid: 0,
      detail: 'exec "/bin/sh": ENOENT',
    });
  });

  test("leave one whose last launch failed as failed, and its Wait tells that nobody knows how it ended", async () => {
    const limited = restart("on-failure", { startLimit: 2, startLimitIntervalMs: 60_000 });
    const executable = world.start("a:x", { restart: limited });
    world.kernel.processes.failNext = "EACCES";
    world.process("a:x").exit(exitedWith(1));
    expect(await executable.wait()).toMatchObject({ status: undefined, oomKilled: false });
    expect([executable.state, executable.restarts]).toEqual(["failed", 1]);
    expect(await world.stop("a:x")).toMatchObject({ status: undefined });
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("wait between two lives with the state restarting, which tells how it ended", async () => {
    const slow = restart("always", { backoffMs: 60_000, maxBackoffMs: 60_000 });
    const executable = world.start("a:x", { restart: slow });
    world.process("a:x").exit(exitedWith(7));
    await settle();
    expect([executable.state, executable.ending?.status]).toEqual(["restarting", exitedWith(7)]);
    expect(world.told.at(-1)).toMatchObject({ kind: "restarting", detail: "in 60000 ms" });
    await world.stop("a:x");
  });
});

describe("Executable.stop", () => {
  test("ends one that is about to be restarted, and it stays ended", async () => {
    const slow = restart("always", { backoffMs: 60_000, maxBackoffMs: 60_000 });
    const executable = world.start("a:x", { restart: slow });
    const left = world.fork("a:x");
    world.process("a:x").exit(exitedWith(7));
    await settle();
    const wait = executable.wait();
    expect(await world.stop("a:x")).toMatchObject({ status: exitedWith(7) });
    expect(await wait).toMatchObject({ status: exitedWith(7) });
    expect(left.ended).toBe(true);
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("ends one that waits and never ran: nothing to tell, and Wait does not hang", async () => {
    world.start("a:first", { readiness: { kind: "notify", timeoutMs: 0 } });
    const executable = world.start("a:x", { after: [world.find("a:first").spec.name] });
    expect([executable.state, executable.pid]).toEqual(["waiting", 0]);
    const wait = executable.wait();
    expect(await world.stop("a:x")).toBeUndefined();
    expect(await wait).toMatchObject({ status: undefined });
    expect(world.kinds("x")).toEqual(["waiting", "stopping", "stopped"]);
    await world.stop("a:first");
    expect(world.processes("x")).toEqual([]);
  });

  test("ends one that is not ready yet, and lets go of its socket", async () => {
    const executable = world.start("a:x", { readiness: { kind: "notify", timeoutMs: 60_000 } });
    expect(executable.state).toBe("starting");
    expect(await world.stop("a:x")).toMatchObject({ status: killedBy(15) });
    expect(world.kernel.notifications.sockets.size).toBe(0);
  });

  test("is no reason to restart", async () => {
    world.start("a:x", { restart: restart("always") });
    await world.stop("a:x");
    await Bun.sleep(10);
    expect(world.processes("x").length).toBe(1);
  });

  test("takes the signal and the grace period of the spec, and those of the request before them", async () => {
    const stop = { signal: 2, graceMs: 60_000 };
    world.start("a:x", { stop });
    world.process("a:x").fatal.add(2);
    expect(await world.stop("a:x")).toMatchObject({ status: killedBy(2) });
    world.start("a:y", { stop });
    const { signals, fatal } = world.process("a:y");
    fatal.delete(15);
    expect(await world.stop("a:y", { signal: 10, graceMs: 0 })).toMatchObject({
      status: killedBy(9),
    });
    expect(signals).toEqual([10, 9]);
  });

  test("answers two callers at once with one end, and is told once", async () => {
    world.start("a:x");
    const [one, two] = await Promise.all([world.stop("a:x"), world.stop("a:x", { graceMs: 0 })]);
    expect(two).toBe(one);
    expect(world.kinds("x")).toEqual(["started", "stopping", "exited", "stopped"]);
  });

  test("has the state stopping until it is done", async () => {
    const executable = world.start("a:x");
    const stopped = world.stop("a:x");
    expect(executable.state).toBe("stopping");
    await stopped;
    expect(world.cells.executablesOf(undefined).size).toBe(0);
  });
});

describe("Executable.wait", () => {
  test("answers those who asked before the end and those who ask after it with the same", async () => {
    const executable = world.start("a:x");
    const before = executable.wait();
    world.kernel.cgroups.set("a/_/exe.x", { "cpu.stat": "user_usec 12\nsystem_usec 34" });
    world.process("a:x").exit(exitedWith(5), 4096);
    const ending = {
      status: exitedWith(5),
      oomKilled: false,
      cpuUserUsec: 12n,
      cpuSystemUsec: 34n,
      maxRssBytes: 4096,
    };
    expect(await before).toEqual(ending);
    expect(await executable.wait()).toEqual(ending);
    expect(executable.ending).toEqual(ending);
  });

  test("answers with how Stop ended it", async () => {
    const wait = world.start("a:x").wait();
    await world.stop("a:x");
    expect(await wait).toMatchObject({ status: killedBy(15) });
  });
});

describe("Executable's events", () => {
  test("tell a whole life in order, with cell, process, end and detail", async () => {
    const executable = world.start("a:x", { restart: restart("on-failure") });
    const first = executable.pid;
    world.process("a:x").exit(exitedWith(3));
    await until("the restart", () => executable.restarts === 1);
    const second = executable.pid;
    await world.stop("a:x");
    const of = { cell: "a", executable: "x" };
    expect(world.told.slice(1)).toEqual([
      { ...of, kind: "started", pid: first },
      { ...of, kind: "exited", pid: first, status: exitedWith(3) },
      { ...of, kind: "restarting", pid: first, detail: "in 0 ms" },
      { ...of, kind: "started", pid: second },
      { ...of, kind: "stopping", pid: second },
      { ...of, kind: "exited", pid: second, status: killedBy(15) },
      { ...of, kind: "stopped", pid: second, status: killedBy(15) },
    ]);
  });

  test("name no cell for an executable that is in none", () => {
    world.start("x");
    expect(world.told.at(-1)).toMatchObject({ kind: "started", cell: "", executable: "x" });
  });
});

describe("Executable's output", () => {
  test("is told of every process that begins to write, and of the end of the last one", async () => {
    const executable = world.start("a:x", { restart: restart("on-failure") });
    const output = world.outputs.all.get("a/x");
    const first = executable.pid;
    world.process("a:x").stdout.push("one\n");
    world.process("a:x").exit(exitedWith(1));
    await until("the restart", () => executable.restarts === 1);
    expect([output?.writers, output?.hasEnded]).toEqual([[first, executable.pid], false]);
    world.process("a:x").stdout.push("two\n");
    world.process("a:x").exit(exitedWith(0));
    await executable.drained();
    await settle();
    expect([output?.texts.stdout, output?.hasEnded]).toEqual(["one\ntwo\n", true]);
  });

  test("has its pipes closed once all is read, and not only when it is stopped", async () => {
    const executable = world.start("a:x");
    const { stdout, stderr } = world.process("a:x");
    stdout.push("all");
    world.process("a:x").exit(exitedWith(0));
    await executable.drained();
    expect([stdout.isClosed, stderr.isClosed]).toEqual([true, true]);
  });
});

describe("the control group of an executable that has ended", () => {
  const group = "a/_/exe.x";

  test("goes, and it can be waited for, stopped and started again", async () => {
    const executable = world.start("a:x");
    world.process("a:x").exit(exitedWith(3));
    await until("the end of the group", () => !world.kernel.cgroups.exists(group));
    expect(await executable.wait()).toMatchObject({ status: exitedWith(3) });
    expect(await world.stop("a:x")).toMatchObject({ status: exitedWith(3) });
    world.start("a:x");
    expect(world.kernel.cgroups.exists(group)).toBe(true);
  });

  test("stays while a process that it has started is in there, and ends with Stop", async () => {
    const executable = world.start("a:x");
    const child = world.fork("a:x");
    world.process("a:x").exit(exitedWith(0));
    await executable.wait();
    await settle();
    expect(world.kernel.cgroups.processes(group)).toEqual([child.pid]);
    await world.stop("a:x", { graceMs: 0 });
    expect(world.kernel.cgroups.exists(group)).toBe(false);
  });
});
