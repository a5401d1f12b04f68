import { beforeEach, describe, expect, test } from "bun:test";
import { killedBy, restart, settle, until, World } from "../../../test/harness/cells-world.ts";
import type { Readiness } from "./executable-spec.ts";
import type { Executable } from "./executable.ts";

let world: World;

const notify = (timeoutMs = 60_000): Readiness => ({ kind: "notify", timeoutMs });
const byDescriptor = (timeoutMs = 60_000): Readiness => ({ kind: "fd", fd: 5, timeoutMs });

/** Sends a notification to where the executable's process would. */
function say(text: string, pid: number): void {
  const { env } = world.process("a:x").options;
  world.kernel.notifications.sockets.get(env.NOTIFY_SOCKET ?? "")?.({ text, pid });
}

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

describe("readiness none", () => {
  test("is there as soon as the process is, without a socket, and no event tells it", () => {
    expect(world.start("a:x").state).toBe("running");
    expect(world.process("a:x").options.env).toEqual({ PATH: "/bin" });
    expect(world.kinds("x")).toEqual(["started"]);
  });
});

describe("readiness notify", () => {
  test("comes with READY=1 of the first process, once", () => {
    const executable = world.start("a:x", { readiness: notify() });
    expect(executable.state).toBe("starting");
    say("STATUS=loading\nREADY=1", executable.pid);
    expect([executable.state, executable.statusText]).toEqual(["running", "loading"]);
    say("READY=1", executable.pid);
    expect(world.kinds("x")).toEqual(["started", "ready"]);
    expect(world.told.at(-1)).toMatchObject({ pid: executable.pid });
  });

  test("comes with READY=1 of any process of the tree", () => {
    const executable = world.start("a:x", { readiness: notify() });
    say("READY=1", world.fork("a:x").pid);
    expect(executable.state).toBe("running");
  });

  test("does not come from a process that is not of the tree", () => {
    const executable = world.start("a:x", { readiness: notify() });
    world.start("a:y");
    say("STATUS=mine\nREADY=1", world.process("a:y").pid);
    expect([executable.state, executable.statusText]).toEqual(["starting", ""]);
  });

  test("does not come with other words, or words that only begin alike", () => {
    const executable = world.start("a:x", { readiness: notify() });
    say("READY=0\nREADY=10\nXREADY=1\n\nWATCHDOG=1", executable.pid);
    expect(executable.state).toBe("starting");
  });

  test("keeps of a status one line of bounded length, also once it is ready", () => {
    const executable = world.start("a:x", { readiness: notify() });
    say("READY=1", executable.pid);
    say(`STATUS=${"x".repeat(5_000)}\nMAINPID=1`, executable.pid);
    expect(executable.statusText).toMatch(/^x{200,256}$/);
  });

  test("that does not come in time ends the life, which counts as failed", async () => {
    const executable = world.start("a:x", {
      readiness: notify(5),
      restart: restart("on-failure"),
    });
    const first = world.process("a:x");
    await until("the restart", () => executable.restarts === 1);
    expect(first.signals).toEqual([15]);
    expect(world.kinds("x")).toEqual(["started", "exited", "restarting", "started"]);
    expect(world.told.find(({ kind }) => kind === "exited")).toMatchObject({
      status: killedBy(15),
      detail: "it did not say within 5 ms that it is ready",
    });
    say("READY=1", executable.pid);
    expect(executable.state).toBe("running");
    expect(world.kernel.notifications.sockets.size).toBe(1);
  });

  test("that does not come in time counts as failed even if the process then ends well", async () => {
    const executable = world.start("a:x", {
      readiness: notify(5),
      restart: restart("on-failure"),
    });
    const first = world.process("a:x");
    first.fatal.delete(15);
    await until("the signal", () => first.signals.length > 0);
    first.exit({ kind: "exited", code: 0 });
    await until("the restart", () => executable.restarts === 1);
  });

  test("that comes in time is not too late later", async () => {
    const executable = world.start("a:x", { readiness: notify(20) });
    say("READY=1", executable.pid);
    await Bun.sleep(40);
    expect([executable.state, world.process("a:x").signals]).toEqual(["running", []]);
  });

  test("has no limit with a timeout of 0", async () => {
    const executable = world.start("a:x", { readiness: notify(0) });
    await Bun.sleep(10);
    expect(executable.state).toBe("starting");
  });

  test("is asked for anew in every life, with a socket of its own, and the status is forgotten", async () => {
    const executable = world.start("a:x", { readiness: notify(), restart: restart("always") });
    say("STATUS=old\nREADY=1", executable.pid);
    const first = world.process("a:x");
    first.exit({ kind: "exited", code: 0 });
    await until("the restart", () => executable.restarts === 1);
    expect([executable.state, executable.statusText]).toEqual(["starting", ""]);
    const { NOTIFY_SOCKET: old = "" } = first.options.env;
    expect(world.kernel.notifications.sockets.has(old)).toBe(false);
    say("READY=1", executable.pid);
    expect(executable.state).toBe("running");
  });

  test("leaves no socket behind when the launch fails", () => {
    world.kernel.processes.failNext = "ENOENT";
    expect(() => world.start("a:x", { readiness: notify() })).toThrow("failed to start");
    expect(world.kernel.notifications.sockets.size).toBe(0);
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });
});

describe("readiness fd", () => {
  const pipe = () => world.kernel.notifications.pipes.at(-1)!;

  async function isReadyAfter(executable: Executable, bytes: string): Promise<boolean> {
    pipe().push(bytes);
    await settle();
    return executable.state === "running";
  }

  test("comes with a newline to the descriptor that was asked for", async () => {
    const executable = world.start("a:x", { readiness: byDescriptor() });
    expect(world.process("a:x").options.descriptors).toMatchObject([{ to: 5 }]);
    expect(await isReadyAfter(executable, "not yet")).toBe(false);
    expect(await isReadyAfter(executable, "now\n")).toBe(true);
    expect(world.kinds("x")).toEqual(["started", "ready"]);
  });

  test("does not come when the descriptor is closed without a word", async () => {
    const executable = world.start("a:x", { readiness: byDescriptor() });
    pipe().end();
    await settle();
    expect(executable.state).toBe("starting");
  });

  test("does not come any more once the life is over", async () => {
    const executable = world.start("a:x", {
      readiness: byDescriptor(),
      restart: restart("always"),
    });
    const old = pipe();
    world.process("a:x").exit({ kind: "exited", code: 0 });
    await until("the restart", () => executable.restarts === 1);
    old.push("\n");
    await settle();
    expect(executable.state).toBe("starting");
    expect(await isReadyAfter(executable, "\n")).toBe(true);
  });

  test("that does not come in time ends the life", async () => {
    const executable = world.start("a:x", { readiness: byDescriptor(5) });
    expect(await executable.wait()).toMatchObject({ status: killedBy(15) });
    expect(executable.state).toBe("exited");
  });
});
