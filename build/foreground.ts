/** Runs a program in this one's place, as far as a child can be: same terminal, same signals, same end. */
import { constants } from "node:os";
import { ROOT } from "./paths.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Starts the program and waits for its end. Signals that this process gets are passed on to it.
 * @param whileRunning told when the program ends by the signal that it is handed
 * @returns the exit status, 128 and its number for a signal, as a shell has it
 */
export async function runInForeground(
  argv: readonly string[],
  whileRunning: (ended: AbortSignal) => Promise<void>,
): Promise<number> {
  const child = Bun.spawn([...argv], { cwd: ROOT, stdio: ["inherit", "inherit", "inherit"] });
  const ended = new AbortController();
  const handlers = SIGNALS.map((signal) => {
    const pass = () => {
      // A terminal sends its signals to the whole group, the child included; a second one could mean "at once".
      if (signal === "SIGTERM" || !process.stdin.isTTY) {
        child.kill(signal);
      }
    };
    process.on(signal, pass);
    return { signal, pass };
  });
  try {
    const status = child.exited.finally(() => ended.abort());
    await Promise.all([status, whileRunning(ended.signal)]);
    const { signalCode } = child;
    return signalCode === null
      ? (child.exitCode ?? 1)
      : 128 + constants.signals[signalCode as NodeJS.Signals];
  } finally {
    for (const { signal, pass } of handlers) {
      process.off(signal, pass);
    }
  }
}
