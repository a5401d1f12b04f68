/**
 * Runs a table of boot steps, in order. A step that fails either stops the boot, and then what was done is undone, or
 * leaves a warning, and the boot goes on without it.
 */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";

export interface BootStep<Context> {
  /** What it does, for people: `mount /run`. */
  readonly name: string;
  readonly onFailure: "fatal" | "warn";
  /** Does it. May answer with how to undo it. */
  readonly run: (context: Context) => (() => void) | undefined;
}

/**
 * @returns what undoes the steps that were done, in reverse order
 * @throws {Error} of the fatal step, naming it
 */
export function runSteps<Context>(
  steps: readonly BootStep<Context>[],
  context: Context,
): DisposableStack {
  using done = new DisposableStack();
  for (const { name, onFailure, run } of steps) {
    const start = performance.now();
    try {
      const undo = run(context);
      log.trace("boot", { step: name, ms: (performance.now() - start).toFixed(1) });
      if (undo !== undefined) {
        done.defer(() => undoStep(name, undo));
      }
    } catch (error) {
      if (onFailure === "fatal") {
        throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
      }
      log.warn(`boot goes on without: ${name}`, { error: messageOf(error) });
    }
  }
  return done.move();
}

/** At the machine's end nothing may keep the other steps from being undone. */
function undoStep(name: string, undo: () => void): void {
  try {
    undo();
  } catch (error) {
    log.warn(`could not undo: ${name}`, { error: messageOf(error) });
  }
}
