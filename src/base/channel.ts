/** A bounded queue between those who make things and one who takes them: who is too fast waits, or is refused. */

export class Channel<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  #changed = Promise.withResolvers<void>();
  #end: { readonly error?: unknown } | undefined;

  /** @param capacity how many may wait to be taken */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Waits until there is room. @returns false if nobody takes anything any more */
  async push(item: T): Promise<boolean> {
    while (this.#end === undefined && this.#items.length >= this.#capacity) {
      await this.#changed.promise;
    }
    return this.offer(item);
  }

  /** @returns false if there is no room, or nobody takes anything any more */
  offer(item: T): boolean {
    if (this.#end !== undefined || this.#items.length >= this.#capacity) {
      return false;
    }
    this.#items.push(item);
    this.#wake();
    return true;
  }

  /** Nothing more comes. What waits is still taken; then the error is thrown, if there is one. The first end counts. */
  close(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        while (this.#items.length > 0) {
          const [item] = this.#items.splice(0, 1) as [T];
          this.#wake();
          yield item;
        }
        if (this.#end !== undefined) {
          if ("error" in this.#end) {
            throw this.#end.error;
          }
          return;
        }
        await this.#changed.promise;
      }
    } finally {
      this.#items.length = 0;
      this.close();
    }
  }
}
