/** Bytes that wait for somebody, first in, first out, in memory of a fixed size. */

export class ByteQueue {
  readonly #bytes: Uint8Array;
  #start = 0;
  #length = 0;

  /** @param capacity how many bytes it holds */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** @returns how many were taken: fewer than all where there is no room for more */
  push(bytes: ArrayLike<number>): number {
    const capacity = this.#bytes.length;
    const taken = Math.min(bytes.length, capacity - this.#length);
    for (let i = 0; i < taken; i += 1) {
      this.#bytes[(this.#start + this.#length + i) % capacity] = bytes[i] ?? 0;
    }
    this.#length += taken;
    return taken;
  }

  /** Takes the first; nothing where there is none. */
  shift(): number | undefined {
    if (this.#length === 0) {
      return undefined;
    }
    const byte = this.#bytes[this.#start];
    this.#start = (this.#start + 1) % this.#bytes.length;
    this.#length -= 1;
    return byte;
  }

  /** All of them, which stay. */
  toArray(): number[] {
    const capacity = this.#bytes.length;
    return Array.from(
      { length: this.#length },
      (_, at) => this.#bytes[(this.#start + at) % capacity] ?? 0,
    );
  }

  clear(): void {
    this.#length = 0;
  }
}
