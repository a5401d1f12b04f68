/** Those who wait for the next change of something, each until its signal aborts. */
export class Waiters {
  readonly #wakes = new Set<() => void>();

  get size(): number {
    return this.#wakes.size;
  }

  /** Resolves at the next change, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakes.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) {
        wake();
      }
    });
  }

  wakeAll(): void {
    for (const wake of [...this.#wakes]) {
      wake();
    }
  }
}
