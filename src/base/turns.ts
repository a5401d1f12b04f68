/** One after the other: who comes waits until those before are done, however that ended. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  async take<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    try {
      return await run();
    } finally {
      resolve();
    }
  }
}
