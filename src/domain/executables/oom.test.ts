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

/** The kernel's count of those that it has killed in a cell for want of memory. */
function countOomKills(group: string, count: number): void {
  world.kernel.cgroups.set(group, { "memory.events.local": `oom 1\noom_kill ${count}` });
}

async function exit(where: string, signal: number): Promise<boolean | undefined> {
  world.process(where).exit(killedBy(signal));
  await settle();
  return world.find(where).ending?.oomKilled;
}

beforeEach(() => {
  world = new World();
  // A limit has the controller handed down, and with it the files.
  world.allocate("a", { limits: { memory: { max: 1_000_000n } } });
});

describe("the verdict out of memory", () => {
  test("is for what the kernel killed by SIGKILL when its count has grown, with an event before the end", async () => {
    world.start("a:x");
    countOomKills("a", 1);
    expect(await exit("a:x", 9)).toBe(true);
    expect(world.kinds("x")).toEqual(["started", "oom-kill", "exited"]);
    expect(await world.stop("a:x")).toMatchObject({ status: killedBy(9), oomKilled: true });
  });

  test("is not for a SIGKILL of somebody else", async () => {
    world.start("a:x");
    expect(await exit("a:x", 9)).toBe(false);
    expect(world.kinds("x")).toEqual(["started", "exited"]);
  });

  test("is not for another signal or an exit code, whatever the count", async () => {
    world.start("a:x");
    world.start("a:y");
    countOomKills("a", 1);
    expect(await exit("a:x", 11)).toBe(false);
    world.process("a:y").exit(exitedWith(137));
    await settle();
    expect(world.find("a:y").ending?.oomKilled).toBe(false);
  });

  test("is for as many as the kernel killed, and no more", async () => {
    for (const name of ["x", "y", "z"]) {
      world.start(`a:${name}`);
    }
    countOomKills("a", 2);
    expect([await exit("a:x", 9), await exit("a:y", 9), await exit("a:z", 9)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("adds up what is counted for the cell and for its leaf", async () => {
    world.allocate("a/b", { limits: { memory: { max: 1_000n } } });
    world.start("a:x");
    world.start("a:y");
    world.kernel.cgroups.delegate("a", ["memory"]);
    countOomKills("a", 1);
    countOomKills("a/_", 1);
    expect([await exit("a:x", 9), await exit("a:y", 9)]).toEqual([true, true]);
  });

  test("is not for the SIGKILL of our own Stop", async () => {
    world.start("a:x");
    world.process("a:x").fatal.delete(15);
    countOomKills("a", 1);
    expect(await world.stop("a:x", { graceMs: 0 })).toMatchObject({ oomKilled: false });
  });

  test("is not for the SIGKILL of one that did not get ready in time", async () => {
    const x = world.start("a:x", {
      readiness: { kind: "notify", timeoutMs: 1 },
      stop: { signal: 15, graceMs: 0 },
    });
    world.process("a:x").fatal.delete(15);
    countOomKills("a", 1);
    expect(await x.wait()).toMatchObject({ status: killedBy(9), oomKilled: false });
  });

  test("restarts by on-failure, and is forgotten by the next end", async () => {
    const x = world.start("a:x", { restart: restart("on-failure") });
    countOomKills("a", 1);
    world.process("a:x").exit(killedBy(9));
    await until("the restart", () => x.restarts === 1);
    world.process("a:x").exit(killedBy(9));
    await until("the second restart", () => x.restarts === 2);
    expect(world.kinds("x").filter((kind) => kind === "oom-kill").length).toBe(1);
  });

  test("is not for what was killed before another daemon came", async () => {
    world.start("a:x");
    countOomKills("a", 3);
    await world.killDaemon();
    expect(await exit("a:x", 9)).toBe(false);
  });

  test("is never for an executable in no cell, whose kills nobody counts apart", async () => {
    world.start("x");
    expect(await exit("x", 9)).toBe(false);
  });
});
