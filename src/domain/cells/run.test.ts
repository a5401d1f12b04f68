import { beforeEach, describe, expect, test } from "bun:test";
import { exitedWith, killedBy, settle, until, World } from "../../../test/harness/cells-world.ts";
import { executableName } from "../executables/executable-name.ts";
import { executableSpec, type ExecutableSpec } from "../executables/executable-spec.ts";
import { cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { run, type RunResult } from "./run.ts";

let world: World;

beforeEach(() => {
  world = new World();
});

const caller = new AbortController();

function start(
  more: Partial<ExecutableSpec> = {},
  signal = caller.signal,
  cell = "job",
): Promise<RunResult> {
  const name = executableName("x");
  const spec = executableSpec({ name, command: { kind: "shell", line: "true" }, ...more });
  return run(world.cells, cellSpec({ name: CellName.parse(cell) }), spec, signal);
}

describe("run", () => {
  test("answers how the executable ended, and leaves nothing but its output", async () => {
    const done = start();
    expect(world.kernel.cgroups.paths).toEqual(["job", "job/exe.x"]);
    const { last } = world.kernel.processes;
    last.stdout.push("out");
    last.exit(exitedWith(7));
    const { pid, ending } = await done;
    expect([pid, ending.status]).toEqual([last.pid, exitedWith(7)]);
    expect(world.kernel.cgroups.paths).toEqual([]);
    await until("what is kept of it to go", () => world.state.load().cells.length === 0);
    expect(world.state.load().executables).toEqual([]);
    expect(world.outputs.all.get("job/x")?.texts.stdout).toBe("out");
  });

  test("keeps the next cell of its name, though its own is forgotten a while later", async () => {
    const done = start();
    world.kernel.processes.last.exit(exitedWith(0));
    await done;
    world.allocate("job");
    // What is kept of this goes together with all that is to go by then.
    const other = start({}, caller.signal, "other");
    world.kernel.processes.last.exit(exitedWith(0));
    await other;
    await until("the other to go", () => world.state.load().cells.length === 1);
    expect(world.state.load().cells.map(({ name }) => name)).toEqual(["job"]);
  });

  test("does not wait for the first process of its cell, where nothing else is left", async () => {
    const spec = cellSpec({ name: CellName.parse("job"), isolateProcess: true });
    const line = { kind: "shell", line: "true" } as const;
    const executable = executableSpec({ name: executableName("x"), command: line });
    const done = run(world.cells, spec, executable, caller.signal);
    const { last } = world.kernel.namespaces;
    let isKilled = false;
    last.end = () => {
      isKilled = true;
    };
    world.kernel.processes.last.exit(exitedWith(0));
    await done;
    expect([isKilled, last.isEnded]).toEqual([true, false]);
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("waits for it where something was mounted in its cell", async () => {
    const spec = cellSpec({ name: CellName.parse("job"), isolateProcess: true });
    const line = { kind: "shell", line: "true" } as const;
    const executable = executableSpec({ name: executableName("x"), command: line });
    let isDone = false;
    const done = run(world.cells, spec, executable, caller.signal).then(() => {
      isDone = true;
    });
    const { last } = world.kernel.namespaces;
    last.mayHaveMounts = true;
    const { end } = last;
    last.end = () => undefined;
    world.kernel.processes.last.exit(exitedWith(0));
    await settle();
    expect(isDone).toBe(false);
    end.call(last);
    await done;
  });

  test("tells of each kill for want of memory, also where a cell is in its own", async () => {
    const done = start();
    world.allocate("job/inner");
    const of = (name: string) => {
      world.start(`job:${name}`);
      const group = `job/exe.${name}`;
      world.kernel.cgroups.set(group, { "memory.events.local": "oom_kill 1" });
      world.process(`job:${name}`).exit(killedBy(9));
    };
    for (const name of ["y", "z"]) {
      of(name);
      await settle();
      expect([name, world.find(`job:${name}`).ending?.oomKilled]).toEqual([name, true]);
      // One of that name begins to count anew.
      await world.stop(`job:${name}`);
      of(name);
      await settle();
      expect([name, world.find(`job:${name}`).ending?.oomKilled]).toEqual([name, true]);
    }
    world.process("job:x").exit(exitedWith(0));
    await done;
  });

  test("asks for nothing that only a successor would want to know", async () => {
    const { processes } = world.kernel;
    const begin = processes.start.bind(processes);
    const asked: string[] = [];
    processes.start = (options) => {
      const process = begin(options);
      Object.defineProperty(process, "startTime", { get: () => asked.push("startTime") });
      return process;
    };
    const done = start();
    processes.last.exit(exitedWith(0));
    await done;
    expect(asked).toEqual([]);
    world.allocate("kept");
    world.start("kept:x");
    expect(asked).toContain("startTime");
  });

  test("frees the cell when the executable does not start", async () => {
    world.kernel.processes.failNext = "ENOENT";
    expect(start()).rejects.toThrow("ENOENT");
    await settle();
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("has the first process of its cell in the daemon's own group, which it ends with", async () => {
    const spec = cellSpec({ name: CellName.parse("job"), isolateProcess: true });
    const line = { kind: "shell", line: "true" } as const;
    const done = run(
      world.cells,
      spec,
      executableSpec({ name: executableName("x"), command: line }),
      caller.signal,
    );
    const { cgroup, endsWithDaemon } = world.kernel.namespaces.last.request;
    expect([cgroup, endsWithDaemon]).toEqual([undefined, true]);
    expect(world.kernel.cgroups.processes("job")).toEqual([]);
    world.kernel.processes.last.exit(exitedWith(0));
    await done;
    world.allocate("kept", { isolateProcess: true });
    expect(world.kernel.namespaces.last.request.cgroup).toBeDefined();
    expect(world.kernel.namespaces.last.request.endsWithDaemon).toBe(false);
    expect(world.kernel.cgroups.processes("kept/_")).toHaveLength(1);
  });

  test("says why the namespaces of its cell could not be made, and frees it", async () => {
    world.kernel.namespaces.failNext = "ENOSPC";
    const failed = run(
      world.cells,
      cellSpec({ name: CellName.parse("job"), isolateProcess: true }),
      executableSpec({ name: executableName("x"), command: { kind: "shell", line: "true" } }),
      new AbortController().signal,
    );
    expect(failed).rejects.toThrow("cell 'job' could not be allocated: clone3 \"job\": ENOSPC");
    await settle();
    expect(world.kernel.cgroups.paths).toEqual([]);
    await until("what is kept of it to go", () => world.state.load().cells.length === 0);
  });

  test("stops the executable and frees the cell when the caller goes away", async () => {
    const abort = new AbortController();
    const done = start({}, abort.signal);
    abort.abort(new Error("gone"));
    expect(done).rejects.toThrow("gone");
    await settle();
    expect(world.kernel.processes.last.signals).toEqual([15]);
    expect(world.kernel.cgroups.paths).toEqual([]);
  });

  test("starts nothing for a caller that has gone already", async () => {
    const gone = AbortSignal.abort(new Error("gone"));
    expect(start({}, gone)).rejects.toThrow("gone");
    await settle();
    expect([world.kernel.cgroups.paths, world.kernel.processes.all.size]).toEqual([[], 0]);
  });

  test("tells why it failed, also where the cell does not go", async () => {
    world.kernel.processes.failNext = "ENOENT";
    const { remove } = world.kernel.cgroups;
    world.kernel.cgroups.remove = (path: string): void => {
      if (path === "job") {
        throw new Error("it does not go");
      }
      remove.call(world.kernel.cgroups, path);
    };
    expect(start()).rejects.toThrow("ENOENT");
    await settle();
  });

  test("minds neither that somebody else has freed the cell, nor who has its name now", async () => {
    const done = start();
    await world.cells.free(CellName.parse("job"));
    world.cells.allocate(cellSpec({ name: CellName.parse("job") }));
    await done;
    expect(world.kernel.cgroups.paths).toEqual(["job", "job/_"]);
  });

  test("is over with its daemon: the one that comes next frees the cell", async () => {
    void start().catch(() => undefined);
    await world.killDaemon();
    expect(world.kernel.cgroups.paths).toEqual([]);
    expect(world.state.load().cells).toEqual([]);
  });
});
