import { readChunks } from "../executables/read-chunks.ts";
import { beforeEach, describe, expect, test } from "bun:test";
import { exitedWith, settle, World } from "../../../test/harness/cells-world.ts";
import type { FakeProcess } from "../../kernel/fake/fake-processes.ts";
import { CellName } from "./cell-name.ts";
import type { ExecSpec } from "./exec.ts";

const A = CellName.parse("a");

let world: World;

const exec = (more: Partial<ExecSpec> = {}, where = A) =>
  world.cells.exec(where, {
    args: ["sh", "-i"],
    env: {},
    cwd: "/",
    privileges: {},
    terminal: undefined,
    ...more,
  });

const last = (): FakeProcess => world.kernel.processes.last;

/** Control groups that are there for somebody's process. */
const groups = (): string[] => world.kernel.cgroups.paths.filter((path) => path.includes("exec."));

beforeEach(() => {
  world = new World();
  world.allocate("a", { isolateProcess: true });
});

describe("exec", () => {
  test("runs in a group of its own in the cell, born in its namespaces, with its input open", () => {
    const { process } = exec({ env: { A: "1" }, cwd: "/srv" });
    expect(groups().length).toBe(1);
    expect(groups()[0]).toStartWith("a/_/exec.");
    expect(world.kernel.cgroups.processes(groups()[0] ?? "")).toEqual([process.pid]);
    const { paths, argv, env, cwd, namespaces, stdin } = last().options;
    expect({ paths, argv, env, cwd, stdin }).toEqual({
      paths: ["/bin/sh"],
      argv: ["sh", "-i"],
      env: { PATH: "/bin", A: "1" },
      cwd: "/srv",
      stdin: "pipe",
    });
    expect(namespaces).toBe(world.kernel.namespaces.last);
  });

  test("has a terminal of the size that was asked for, and a TERM that can be named", () => {
    exec({ terminal: { rows: 5, columns: 7 } });
    expect(last().sizes).toEqual([{ rows: 5, columns: 7 }]);
    expect(last().options.env).toEqual({ TERM: "xterm-256color", PATH: "/bin" });
    exec({ terminal: { rows: 0, columns: 0 }, env: { TERM: "dumb" } });
    expect(last().options.env.TERM).toBe("dumb");
  });

  test("has what a user is allowed, as an executable has", () => {
    exec({ privileges: { user: "nobody" } });
    expect(last().options).toMatchObject({ uid: 65534, capabilities: 0n, noNewPrivileges: true });
  });

  test("may run many times at once, each in a group of its own", async () => {
    const sessions = [exec(), exec(), exec()];
    expect(new Set(groups()).size).toBe(3);
    await Promise.all(sessions.map((session) => session.close()));
    expect(groups()).toEqual([]);
  });

  test("refuses a cell that is not there, is being freed, or is frozen, and leaves nothing", async () => {
    expect(() => exec({}, CellName.parse("b"))).toThrow("cell 'b' not found");
    world.allocate("a/b");
    await world.cells.freeze(A);
    expect(() => exec()).toThrow("cell 'a' is frozen; thaw it first");
    expect(() => exec({}, CellName.parse("a/b"))).toThrow("cell 'a' is frozen; thaw it first");
    await world.cells.thaw(A);
    const freed = world.cells.free(A);
    expect(() => exec()).toThrow("cell 'a' is being freed");
    await freed;
    expect(world.kernel.processes.all.size).toBe(0);
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("leaves nothing of a launch that fails, and names the step", () => {
    world.kernel.processes.failNext = "ENOENT";
    let thrown: unknown;
    try {
      exec();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      kind: "failed_precondition",
      message: `'sh' failed to start: exec "/bin/sh": ENOENT`,
    });
    expect(groups()).toEqual([]);
  });

  test("refuses a user that is not there before anything is made", () => {
    expect(() => exec({ privileges: { user: "toor" } })).toThrow("no user");
    expect(groups()).toEqual([]);
  });
});

describe("ExecSession.close", () => {
  test("hangs up on the process, and removes its group", async () => {
    const session = exec();
    last().fatal.add(1);
    await session.close();
    expect(last().signals).toEqual([1]);
    expect(groups()).toEqual([]);
  });

  test("kills what does not end when it hangs up, and what it has left behind", async () => {
    const session = exec();
    const { signals } = last();
    const child = world.kernel.processes.start({ paths: [], argv: [], env: {}, cwd: "/" });
    world.kernel.cgroups.join(groups()[0] ?? "", child.pid);
    await session.close();
    expect([signals, child.signals]).toEqual([[1, 9], [9]]);
    expect(groups()).toEqual([]);
  });

  test("of one that has ended takes no time, and sends nothing", async () => {
    const session = exec();
    last().exit(exitedWith(0));
    await settle();
    const started = performance.now();
    await session.close();
    expect(performance.now() - started).toBeLessThan(500);
    expect([last().signals, groups()]).toEqual([[], []]);
  });

  test("after Free finds nothing to do", async () => {
    const session = exec();
    await world.cells.free(A);
    expect(last().ended).toBe(true);
    await session.close();
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("ends the reading of output that others hold open", async () => {
    const session = exec();
    const read = (async () => {
      for await (const _bytes of readChunks(session.process.stdout)) {
        // Nothing comes.
      }
    })();
    last().fatal.add(1);
    await session.close();
    await read;
  });
});

describe("a process of exec after a daemon was killed", () => {
  test("is ended, since nobody is connected to it", async () => {
    exec();
    const process = last();
    await world.killDaemon();
    expect(process.ended).toBe(true);
    expect(groups()).toEqual([]);
  });
});
