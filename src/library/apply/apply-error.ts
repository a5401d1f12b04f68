/** A plan that was carried out in part: what was done, what failed, and what was not tried. */
import { messageOf } from "../../base/errors.ts";
import { stepText } from "./plan-text.ts";
import type { ApplyFailure, Step } from "./types.ts";

function part(title: string, steps: readonly Step[]): string[] {
  return steps.length === 0 ? [] : [`${title}:`, ...steps.map((step) => `  ${stepText(step)}`)];
}

function textOf({ done, failed, notTried, cause, halfDone }: ApplyFailure): string {
  const half = halfDone === undefined ? "" : ` (${halfDone})`;
  return [
    `apply: ${messageOf(cause)}${half}`,
    ...part("done", done),
    ...part("failed", [failed]),
    ...part("not tried", notTried),
    ...(done.length === 0 && halfDone === undefined
      ? ["nothing was changed"]
      : ["apply it again to go on from here"]),
  ].join("\n");
}

export class ApplyError extends Error {
  override readonly name = "ApplyError";
  /** In the order in which they were done. */
  readonly done: readonly Step[];
  readonly failed: Step;
  readonly notTried: readonly Step[];
  /** What of the failed step was done all the same; undefined: nothing. */
  readonly halfDone: string | undefined;

  constructor(failure: ApplyFailure) {
    super(textOf(failure), { cause: failure.cause });
    this.done = failure.done;
    this.failed = failure.failed;
    this.notTried = failure.notTried;
    this.halfDone = failure.halfDone;
  }
}
