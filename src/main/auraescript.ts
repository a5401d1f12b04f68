/** `auraescript` as a process: what a script finds in it, and how it ends. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { VERSION } from "../daemon/version.ts";
import { errorReport } from "../script/error-report.ts";
import { runAuraescript } from "../script/run.ts";

/** As for `aer`: 128 and SIGPIPE, which the runtime ignores. */
const NOBODY_READS = 141;

/** Starts a script, which goes on when this is over. */
export function main(args: readonly string[]): void {
  let isRunning = true;
  let running: string | undefined;
  const fail = (error: unknown): never => failOf(error, running);
  const failUnlessHeard = (event: "uncaughtException" | "unhandledRejection", error: unknown) => {
    // A script with a handler of its own has its own way.
    if (process.listenerCount(event) <= 1) {
      fail(error);
    }
  };
  process.on("uncaughtException", (error) => failUnlessHeard("uncaughtException", error));
  process.on("unhandledRejection", (error) => failUnlessHeard("unhandledRejection", error));
  process.once("beforeExit", () => {
    if (isRunning) {
      say(
        2,
        "auraescript: nothing is left to wait for, and an await at the script's top has not ended\n",
      );
      process.exitCode = 1;
    }
  });
  void runAuraescript(args, {
    stdout: (text) => say(1, text),
    stderr: (text) => say(2, text),
    readStdin: () => Bun.stdin.text(),
    isTerminal: isatty(0),
    cwd: process.cwd(),
    env: process.env,
    version: VERSION,
    become: (script, rest, module) => {
      running = module;
      process.argv = [process.execPath, script, ...rest];
      // What import.meta.main and require.main compare with.
      Object.assign(Bun, { main: module });
    },
  }).then((code) => {
    isRunning = false;
    if (code !== undefined) {
      process.exit(code);
    }
  }, fail);
}

function failOf(error: unknown, script: string | undefined): never {
  if ((error as NodeJS.ErrnoException | null)?.code === "EPIPE") {
    process.exit(NOBODY_READS);
  }
  say(2, errorReport(error, script));
  process.exit(1);
}

function say(fd: 1 | 2, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // EPIPE, EBADF: nobody reads it.
  }
}
