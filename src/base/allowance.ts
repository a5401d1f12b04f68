/** How often something may be done: so many times at once, and then as often as time allows. A token bucket. */

export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  #left: number;
  #sinceMs: number;
  #refused = 0;

  /** @param burst times at once, after a time without any */
  constructor(burst: number, perSecond: number, nowMs: () => number = () => performance.now()) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#nowMs = nowMs;
    this.#left = burst;
    this.#sinceMs = nowMs();
  }

  /** @returns whether it may be done once more */
  take(): boolean {
    const nowMs = this.#nowMs();
    const gained = ((nowMs - this.#sinceMs) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#left + gained, this.#burst);
    this.#sinceMs = nowMs;
    if (this.#left < 1) {
      this.#refused += 1;
      return false;
    }
    this.#left -= 1;
    return true;
  }

  /** @returns how often it was not to be done since this was asked last */
  takeRefused(): number {
    const refused = this.#refused;
    this.#refused = 0;
    return refused;
  }
}
