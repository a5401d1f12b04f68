import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ManagedProcess } from "../../src/kernel/process/processes.ts";
import { textOf } from "../contract/processes-fixture.ts";
import { eventually } from "../harness/eventually.ts";
import type { Told } from "./kernel-adoption-daemon.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

const DAEMON = resolve(import.meta.dir, "kernel-adoption-daemon.ts");

/** Whether the kernel tells how a process ended that is no child of ours: Linux 6.15 and later. */
function tellsEnds(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 15);
}

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`adoption: needs cgroup2 and root (${missingForCells})`, () => undefined);
}

function tests(): void {
  const file = kernelOfFile();

  /** A daemon that has started a cell and two processes, and was killed then. */
  async function killedDaemon(command: string) {
    const { base } = file.kernel;
    const daemon = file.kernel.sh("", {
      paths: [process.execPath],
      argv: ["bun", DAEMON, base, command],
    });
    const errors = textOf(daemon.stderr);
    let text = "";
    for await (const chunk of readChunks(daemon.stdout)) {
      text += Buffer.from(chunk).toString();
      if (text.endsWith("\n")) {
        break;
      }
    }
    file.kernel.kernel.processes.signal(daemon.pid, 9);
    await daemon.exited;
    expect(await errors).toBe("");
    const { cell, processes } = JSON.parse(text) as {
      cell: { pid: number; startTime: string };
      processes: Told[];
    };
    return { cell: { pid: cell.pid, startTime: BigInt(cell.startTime) }, processes };
  }

  function adopt(told: Told): ManagedProcess | undefined {
    const { cgroups, processes } = file.kernel.kernel;
    return processes.adopt(
      { pid: told.pid, startTime: BigInt(told.startTime) },
      { stdoutInode: BigInt(told.stdoutInode), stderrInode: BigInt(told.stderrInode) },
      cgroups.processes(`${file.kernel.base}/work`),
    );
  }

  describe("after the daemon was killed", () => {
    test("a process goes on, and its output of all times is read, and its end seen", async () => {
      const folder = mkdtempSync(join(tmpdir(), "aurae-adoption-"));
      const steps = ["during", "after", "end"].map((name) => join(folder, name));
      const [during, after, end] = steps;
      const waitFor = (path?: string) => `until test -e ${path}; do sleep 0.02; done`;
      const command = [
        "trap 'echo hup' HUP PIPE; echo before",
        `${waitFor(during)}; echo during; echo quiet >&2; echo >${folder}/said-$$`,
        `${waitFor(after)}; echo after`,
        // The last word comes from another process of it than the first.
        `(${waitFor(end)}; echo last) & exit 5`,
      ].join("; ");
      try {
        const left = await killedDaemon(command);
        writeFileSync(during ?? "", "");
        const [plain, inCell] = left.processes;
        await eventually("what it says while nobody is there", () =>
          [plain, inCell].every((told) => existsSync(join(folder, `said-${told?.namespacePid}`))),
        );
        const adopted = left.processes.map(adopt);
        const output = Promise.all(
          adopted.flatMap((it) => (it ? [textOf(it.stdout), textOf(it.stderr)] : [])),
        );
        writeFileSync(after ?? "", "");
        for (const [i, it] of adopted.entries()) {
          expect(it?.namespacePid).toBe(left.processes[i]?.namespacePid ?? 0);
          expect(await it?.exited).toEqual({
            status: tellsEnds() ? { kind: "exited", code: 5 } : undefined,
            maxRssBytes: 0,
          });
        }
        writeFileSync(end ?? "", "");
        expect(await output).toEqual(Array(2).fill(["during\nafter\nlast\n", "quiet\n"]).flat());
        expect(left.processes.map(adopt)).toEqual([undefined, undefined]);
        file.kernel.kernel.namespaces.adopt(left.cell)?.end();
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test("a process can be signalled with its group, and by nobody once it has ended", async () => {
      const left = await killedDaemon("echo before; sleep 60 & wait");
      for (const told of left.processes) {
        const it = adopt(told);
        it?.signalGroup(15);
        expect((await it?.exited)?.status).toEqual(
          tellsEnds() ? { kind: "signaled", signal: 15 } : undefined,
        );
        expect(await textOf(it?.stdout ?? expect.unreachable())).toBe("");
        expect(await textOf(it?.stderr ?? expect.unreachable())).toBe("");
        it?.signalGroup(15);
      }
      file.kernel.kernel.namespaces.adopt(left.cell)?.end();
    });

    test("the namespaces of a cell are found again, joined, and ended", async () => {
      const left = await killedDaemon("echo before; exec sleep 60");
      const [, inCell] = left.processes;
      const cell = file.kernel.kernel.namespaces.adopt(left.cell);
      expect(cell?.hasProcessIds).toBe(true);
      const { stdout } = await file.kernel.run("hostname; cat /proc/1/comm", { namespaces: cell });
      expect(stdout).toBe("adopted\naurae-cell\n");
      const it = adopt(inCell ?? expect.unreachable());
      expect(it?.namespacePid).toBe(2);
      cell?.end();
      await cell?.ended;
      expect((await it?.exited)?.status).toEqual(
        tellsEnds() ? { kind: "signaled", signal: 9 } : undefined,
      );
      expect(await textOf(it?.stdout ?? expect.unreachable())).toBe("");
      await it?.stderr.close();
      file.kernel.kernel.cgroups.kill(file.kernel.base);
      expect(file.kernel.kernel.namespaces.adopt(left.cell)).toBeUndefined();
    });
  });
}
