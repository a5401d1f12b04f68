/**
 * Decides whether and when an executable that has ended is started again: backoff that doubles up to a bound, and a
 * limit of starts within an interval, as systemd has them (systemd.unit(5), StartLimitIntervalSec=). Knows no clock.
 */
import type { ExitStatus } from "../../kernel/process/exit-status.ts";
import type { RestartPolicy } from "./executable-spec.ts";

/** One that has run for so many times the longest backoff begins anew. */
const STEADY_FACTOR = 10;

export type RestartDecision =
  | { readonly kind: "stay" }
  | { readonly kind: "restart"; readonly delayMs: number }
  | { readonly kind: "give-up"; readonly starts: number };

/** @param status undefined when nobody knows how it ended, which counts as a failure */
export function isFailure(status: ExitStatus | undefined): boolean {
  return status === undefined || status.kind === "signaled" || status.code !== 0;
}

export class Restarts {
  readonly #policy: RestartPolicy;
  /** When it was started, within the interval. */
  #starts: number[] = [];
  #delayMs: number;
  #lastStartMs = 0;

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
    this.#delayMs = policy.backoffMs;
  }

  started(nowMs: number): void {
    this.#lastStartMs = nowMs;
    if (this.#policy.startLimit > 0) {
      this.#starts = this.#starts.filter((at) => nowMs - at < this.#policy.startLimitIntervalMs);
      this.#starts.push(nowMs);
    }
  }

  ended(nowMs: number, hasFailed: boolean): RestartDecision {
    const { mode, backoffMs, maxBackoffMs, startLimit, startLimitIntervalMs } = this.#policy;
    if (mode === "never" || (mode === "on-failure" && !hasFailed)) {
      return { kind: "stay" };
    }
    if (nowMs - this.#lastStartMs >= maxBackoffMs * STEADY_FACTOR) {
      this.#delayMs = backoffMs;
    }
    const delayMs = Math.min(this.#delayMs, maxBackoffMs);
    const nextStartMs = nowMs + delayMs;
    const recent = this.#starts.filter((at) => nextStartMs - at < startLimitIntervalMs).length;
    if (startLimit > 0 && recent >= startLimit) {
      return { kind: "give-up", starts: recent };
    }
    this.#delayMs = Math.min(Math.max(1, this.#delayMs) * 2, maxBackoffMs);
    return { kind: "restart", delayMs };
  }
}
