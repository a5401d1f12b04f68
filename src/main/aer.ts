/**
 * `aer` as a process: its standard streams, its environment, and Ctrl-C. Answers with the exit code.
 */
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { runAer } from "../cli/run.ts";
import { VERSION } from "../daemon/version.ts";

/** Octal, as /proc/PID/fdinfo has it (proc_pid_fdinfo(5)). */
const O_CLOEXEC = 0o2000000;

/**
 * Whether we were started without a standard output. Bun then opens /dev/null in its place, where every answer would
 * get lost in silence. That one is closed on exec, which what we inherited can't be: it has lived through one.
 */
function isStdoutClosed(): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/fdinfo/1", "utf8"))?.[1];
    return (Number.parseInt(flags ?? "0", 8) & O_CLOEXEC) !== 0;
  } catch {
    return false; // ENOENT: no /proc here
  }
}

export async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  // The first Ctrl-C ends the call in good order; the second ends us, should that not be enough.
  process.once("SIGINT", () => interrupt.abort());
  const stdout = Bun.stdout.writer();
  const stderr = Bun.stderr.writer();
  const writeTo = (sink: Bun.FileSink) => async (text: string | Uint8Array) => {
    sink.write(text);
    await sink.flush();
  };
  const writeAnswer = writeTo(stdout);
  let isClosed: boolean | undefined;
  return await runAer(args, {
    stdout: async (text) => {
      isClosed ??= isStdoutClosed();
      if (text.length > 0 && isClosed) {
        throw new Error("write standard output: it is closed");
      }
      await writeAnswer(text);
    },
    stderr: writeTo(stderr),
    host: async () => (await import("../cli/interactive/process-host.ts")).createProcessHost(),
    env: process.env,
    isTerminal: isatty(1),
    signal: interrupt.signal,
    version: VERSION,
  });
}
