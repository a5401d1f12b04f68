/**
 * A value that comes once, for those who wait for it and may give up. A promise would keep the reaction of each of them
 * until it is resolved; here, who gives up is forgotten.
 */

export class Outcome<T> {
  readonly #waiters = new Set<(value: T) => void>();
  #value: { readonly value: T } | undefined;

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** The first value counts. */
  resolve(value: T): void {
    if (this.#value !== undefined) {
      return;
    }
    this.#value = { value };
    for (const waiter of this.#waiters) {
      waiter(value);
    }
    this.#waiters.clear();
  }

  /** The value, or a rejection with the signal's reason when that aborts first. */
  async wait(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#value !== undefined) {
      return this.#value.value;
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const onAbort = (): void => {
      this.#waiters.delete(resolve);
      reject(signal?.reason);
    };
    this.#waiters.add(resolve);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
