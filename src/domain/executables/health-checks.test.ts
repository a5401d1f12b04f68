import { beforeEach, describe, expect, test } from "bun:test";
import {
  exitedWith,
  killedBy,
  restart,
  settle,
  until,
  World,
} from "../../../test/harness/cells-world.ts";
import type { FakeProcess } from "../../kernel/fake/fake-processes.ts";
import { CellName } from "../cells/cell-name.ts";
import { DEFAULT_HEALTH_CHECK, type HealthCheckSpec } from "./executable-spec.ts";

let world: World;

const check = (more: Partial<HealthCheckSpec> = {}) => ({
  healthCheck: { ...DEFAULT_HEALTH_CHECK, command: "check", intervalMs: 1, retries: 2, ...more },
});

const GROUP = "a/_/exe.x/check";

/** Puts a further process into the tree of the check that runs. */
function fork(): FakeProcess {
  const child = world.kernel.processes.start({ paths: [], argv: ["child"], env: {}, cwd: "/" });
  world.kernel.cgroups.join(GROUP, child.pid);
  return child;
}

/** The check that is to run as the Nth one, once it does. */
async function nextCheck(n: number): Promise<FakeProcess> {
  await until(`check ${n}`, () => world.processes("check").length >= n);
  return world.processes("check")[n - 1]!;
}

async function answer(n: number, code: number): Promise<void> {
  (await nextCheck(n)).exit(exitedWith(code));
  await settle();
}

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

describe("a health check", () => {
  test("runs by sh in a group inside the executable's, as its user, without its input", async () => {
    const x = world.start("a:x", {
      ...check(),
      privileges: { user: "nobody", capabilities: [], seccomp: "unconfined" },
      stdin: "pipe",
      cwd: "/srv",
      env: { A: "1" },
    });
    const { pid, options } = await nextCheck(1);
    expect(options).toMatchObject({ paths: ["/bin/sh"], argv: ["sh", "-c", "check"], cwd: "/srv" });
    expect(options).toMatchObject({ uid: 65534, stdin: "null", env: { A: "1", PATH: "/bin" } });
    expect(world.kernel.cgroups.processes("a/_/exe.x")).toEqual([x.pid]);
    expect(world.kernel.cgroups.processes(GROUP)).toEqual([pid]);
    await world.stop("a:x");
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("leaves nothing behind: what it started ends with it, and the next one gets a new group", async () => {
    world.start("a:x", check());
    const first = await nextCheck(1);
    const left = fork();
    const { create } = world.kernel.cgroups;
    const made: string[] = [];
    world.kernel.cgroups.create = (path) => {
      made.push(path);
      create.call(world.kernel.cgroups, path);
    };
    first.exit(exitedWith(0));
    const second = await nextCheck(2);
    expect([left.signals, made]).toEqual([[9], [GROUP]]);
    expect(world.kernel.cgroups.processes(GROUP)).toEqual([second.pid]);
    expect(world.process("a:x").signals).toEqual([]);
    await world.stop("a:x");
  });

  test("that is too late is ended with what it started", async () => {
    world.start("a:x", check({ timeoutMs: 10, retries: 1 }));
    await nextCheck(1);
    const left = fork();
    await until("the verdict", () => world.kinds("x").includes("unhealthy"));
    expect(left.signals).toEqual([9]);
    await world.stop("a:x");
  });

  test("is killed at once where the executable is ended, which does not wait for it", async () => {
    world.start("a:x", check());
    const running = await nextCheck(1);
    running.fatal.delete(15);
    const left = fork();
    left.fatal.delete(15);
    await world.stop("a:x", { graceMs: 60_000 });
    expect([running.signals, left.signals]).toEqual([[9], [9]]);
    expect(world.kernel.cgroups.paths).toEqual(["a", "a/_"]);
  });

  test("of a daemon that was killed is ended by the one that comes after", async () => {
    world.start("a:x", check());
    const first = await nextCheck(1);
    const left = fork();
    await world.killDaemon();
    const second = await nextCheck(2);
    expect([first.ended, left.ended]).toEqual([true, true]);
    expect(world.kernel.cgroups.processes(GROUP)).toEqual([second.pid]);
    await world.stop("a:x");
  });

  test("that succeeds makes it healthy, which is told once", async () => {
    const x = world.start("a:x", check());
    expect(x.health).toBe("unknown");
    await answer(1, 0);
    await answer(2, 0);
    expect(x.health).toBe("healthy");
    expect(world.kinds("x")).toEqual(["started", "healthy"]);
    await world.stop("a:x");
  });

  test("has to fail so many times in a row, then it is unhealthy, and healthy again after one success", async () => {
    const x = world.start("a:x", check());
    for (const [i, code] of [1, 0, 1, 2, 0].entries()) {
      await answer(i + 1, code);
    }
    expect(x.state).toBe("running");
    expect(world.kinds("x")).toEqual(["started", "healthy", "unhealthy", "healthy"]);
    expect(world.told.find(({ kind }) => kind === "unhealthy")).toMatchObject({
      detail: "2 checks in a row failed, the last: exit code 2",
    });
    await world.stop("a:x");
  });

  test("that takes too long is killed and has failed", async () => {
    world.start("a:x", check({ timeoutMs: 10, retries: 1 }));
    const first = await nextCheck(1);
    await until("the verdict", () => world.kinds("x").includes("unhealthy"));
    expect(first.signals).toEqual([9]);
    expect(world.told.at(-1)?.detail).toContain("took longer than 10 ms");
    await world.stop("a:x");
  });

  test("that ends by a signal, or can't be started, has failed", async () => {
    world.start("a:x", check({ retries: 2 }));
    (await nextCheck(1)).exit(killedBy(11));
    world.kernel.processes.failNext = "EAGAIN";
    await until("the verdict", () => world.kinds("x").includes("unhealthy"));
    expect(world.told.at(-1)?.detail).toContain('the last: exec "/bin/sh": EAGAIN');
    await world.stop("a:x");
  });

  test("that fails in the start period does not count, and one that succeeds does", async () => {
    const x = world.start("a:x", check({ startPeriodMs: 60_000, retries: 1 }));
    await answer(1, 1);
    await answer(2, 1);
    await nextCheck(3);
    expect([x.health, world.kinds("x")]).toEqual(["unknown", ["started"]]);
    await answer(3, 0);
    expect(x.health).toBe("healthy");
    await world.stop("a:x");
  });

  test("restarts an unhealthy executable by its policy, and the next life is unknown again", async () => {
    const x = world.start("a:x", { ...check({ retries: 1 }), restart: restart("on-failure") });
    const first = world.process("a:x");
    await answer(1, 1);
    await until("the restart", () => x.restarts === 1);
    expect([first.signals, x.health, x.state]).toEqual([[15], "unknown", "running"]);
    expect(world.kinds("x")).toEqual(["started", "unhealthy", "exited", "restarting", "started"]);
    expect(world.told.find(({ kind }) => kind === "exited")).toMatchObject({
      detail: "1 checks in a row failed, the last: exit code 1",
      status: killedBy(15),
    });
    await answer(2, 0);
    expect(x.health).toBe("healthy");
    await world.stop("a:x");
  });

  test("leaves an unhealthy executable alone that is never restarted", async () => {
    const x = world.start("a:x", check({ retries: 1 }));
    await answer(1, 1);
    await nextCheck(2);
    expect([x.state, x.health, world.process("a:x").signals]).toEqual(["running", "unhealthy", []]);
    await world.stop("a:x");
  });

  test("does not run before the executable is ready, and not after its end", async () => {
    const x = world.start("a:x", {
      ...check(),
      readiness: { kind: "notify", timeoutMs: 0 },
    });
    await Bun.sleep(10);
    expect(world.processes("check")).toEqual([]);
    const socket = [...world.kernel.notifications.sockets.values()][0];
    socket?.({ text: "READY=1", pid: x.pid });
    socket?.({ text: "READY=1", pid: x.pid });
    const running = await nextCheck(1);
    await Bun.sleep(10);
    expect(world.processes("check").length).toBe(1);
    world.process("a:x").exit(exitedWith(0));
    await settle();
    expect(running.signals).toEqual([9]);
    await Bun.sleep(10);
    expect(world.processes("check").length).toBe(1);
  });

  test("says nothing about an executable whose cell is frozen", async () => {
    const x = world.start("a:x", { ...check({ retries: 1 }), restart: restart("always") });
    const before = await nextCheck(1);
    await world.cells.freeze(CellName.parse("a"));
    before.exit(killedBy(9));
    await Bun.sleep(20);
    expect([x.health, x.restarts, world.processes("check").length]).toEqual(["unknown", 0, 1]);
    await world.cells.thaw(CellName.parse("a"));
    await answer(2, 0);
    expect(x.health).toBe("healthy");
    await world.stop("a:x");
  });
});
