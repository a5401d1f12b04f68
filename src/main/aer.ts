/**
 * `aer` as a process: its standard streams, its environment, and Ctrl-C. Answers with the exit code.
 */
import { isatty } from "node:tty";
import { runAer } from "../cli/run.ts";
import { VERSION } from "../daemon/version.ts";

export async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  // The first Ctrl-C ends the call in good order; the second ends us, should that not be enough.
  process.once("SIGINT", () => interrupt.abort());
  const stdout = Bun.stdout.writer();
  const stderr = Bun.stderr.writer();
  const writeTo = (sink: Bun.FileSink) => async (text: string) => {
    sink.write(text);
    await sink.flush();
  };
  return await runAer(args, {
    stdout: writeTo(stdout),
    stderr: writeTo(stderr),
    env: process.env,
    isTerminal: isatty(1),
    signal: interrupt.signal,
    version: VERSION,
  });
}
