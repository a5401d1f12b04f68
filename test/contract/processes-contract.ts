/** What every implementation of `Processes` must do, for the kernel's and the one in memory alike. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SIGKILL, SIGTERM } from "../../src/kernel/abi/signal.ts";
import { type ProcessesFixture, textOf } from "./processes-fixture.ts";

export function processesContract(
  name: string,
  createFixture: () => ProcessesFixture | Promise<ProcessesFixture>,
): void {
  describe(`${name}: Processes`, () => {
    let fixture: ProcessesFixture;

    beforeEach(async () => {
      fixture = await createFixture();
    });

    afterEach(() => fixture[Symbol.asyncDispose]());

    test("start gives a process with an id, a start time and pipes of its own", async () => {
      const [a, b] = [fixture.start(), fixture.start()];
      expect(a.pid).toBeGreaterThan(0);
      expect(a.namespacePid).toBe(a.pid);
      expect(a.startTime).toBeGreaterThan(0n);
      const inodes = [a, b].flatMap(({ outputs }) => [outputs.stdoutInode, outputs.stderrInode]);
      expect(new Set(inodes).size).toBe(4);
    });

    test("exited gives the code, and the output streams end after all was read", async () => {
      const it = fixture.start();
      const output = Promise.all([textOf(it.stdout), textOf(it.stderr)]);
      await fixture.write(it, "stdout", "out");
      await fixture.write(it, "stderr", "err");
      await fixture.exit(it, 3);
      expect((await it.exited).status).toEqual({ kind: "exited", code: 3 });
      expect(await output).toEqual(["out", "err"]);
    });

    test("exited gives the signal, by signal and by signalGroup", async () => {
      const { processes } = fixture.kernel;
      const [a, b] = [fixture.start(), fixture.start()];
      processes.signal(a.pid, SIGKILL);
      b.signalGroup(SIGTERM);
      expect((await a.exited).status).toEqual({ kind: "signaled", signal: SIGKILL });
      expect((await b.exited).status).toEqual({ kind: "signaled", signal: SIGTERM });
    });

    test("owns and groupOf know it until it has ended, and signals to it are no error then", async () => {
      const { processes } = fixture.kernel;
      const it = fixture.start();
      expect([processes.owns(it.pid), processes.groupOf(it.pid)]).toEqual([true, it.pid]);
      it.signalGroup(SIGKILL);
      await it.exited;
      expect([processes.owns(it.pid), processes.groupOf(it.pid)]).toEqual([false, undefined]);
      it.signalGroup(SIGKILL);
      processes.signal(it.pid, SIGKILL);
    });

    test("start fails by LaunchError with the step and the program, and leaves no process", () => {
      const { cgroups } = fixture.kernel;
      const options = fixture.failing();
      expect(() => fixture.start(options)).toThrow('exec "/nope": ENOENT');
      expect(cgroups.processes(`${fixture.base}/work`)).toEqual([]);
    });

    test("start puts it into the group", async () => {
      const { cgroups } = fixture.kernel;
      const it = fixture.start();
      expect(cgroups.processes(`${fixture.base}/work`)).toEqual([it.pid]);
      it.signalGroup(SIGKILL);
      await it.exited;
      expect(cgroups.processes(`${fixture.base}/work`)).toEqual([]);
    });

    test("stdin is there for a pipe and a terminal only, and breaks when the process has ended", async () => {
      expect(fixture.start({ stdin: "null" }).stdin).toBeUndefined();
      const it = fixture.start({ stdin: "pipe" });
      it.signalGroup(SIGKILL);
      await it.exited;
      expect(it.stdin?.write(Buffer.from("x"))).rejects.toThrow("EPIPE");
    });

    test("a terminal has stderr at its end, and takes a size", async () => {
      const it = fixture.start({ stdin: "terminal", terminalSize: { rows: 10, columns: 20 } });
      expect(await textOf(it.stderr)).toBe("");
      it.resize({ rows: 11, columns: 21 });
      it.signalGroup(SIGKILL);
      await it.exited;
      it.resize({ rows: 12, columns: 22 });
    });

    test("adopt answers undefined for another start time and for a process that has ended", async () => {
      const { processes } = fixture.kernel;
      const it = fixture.start();
      const { pid, startTime, outputs } = it;
      expect(processes.adopt({ pid, startTime: startTime + 1n }, outputs, [])).toBeUndefined();
      it.signalGroup(SIGKILL);
      await it.exited;
      expect(processes.adopt({ pid, startTime }, outputs, [])).toBeUndefined();
    });
  });
}
