/**
 * A place in shared memory for one value, as JSON, that goes from one thread to another. Who waits for what is the
 * business of `command-mailbox.ts` and `reports.ts`.
 */

const STATE = 0;
const LENGTH = 1;
const HEAD_BYTES = 8;

export const EMPTY = 0;
export const WRITING = 1;
export const FULL = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class JsonSlot {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param size in bytes, or another thread's memory of the same slot. Memory that is not used costs none. */
  constructor(size: number | SharedArrayBuffer) {
    const memory = typeof size === "number" ? new SharedArrayBuffer(HEAD_BYTES + size) : size;
    this.#words = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  get isFull(): boolean {
    return Atomics.load(this.#words, STATE) === FULL;
  }

  /** Puts a value where none is. @returns false where there is one @throws {RangeError} on one that is too long */
  put(value: unknown): boolean {
    const bytes = encoder.encode(JSON.stringify(value));
    if (bytes.length > this.#bytes.length) {
      throw new RangeError(`a message of ${bytes.length} bytes, of ${this.#bytes.length}`);
    }
    if (Atomics.compareExchange(this.#words, STATE, EMPTY, WRITING) !== EMPTY) {
      return false;
    }
    this.#bytes.set(bytes);
    this.#words[LENGTH] = bytes.length;
    Atomics.store(this.#words, STATE, FULL);
    Atomics.notify(this.#words, STATE);
    return true;
  }

  /** Takes the value that is there. */
  take(): unknown {
    if (!this.isFull) {
      return undefined;
    }
    // A copy: text is not decoded from shared memory.
    const bytes = this.#bytes.slice(0, this.#words[LENGTH]);
    Atomics.store(this.#words, STATE, EMPTY);
    return JSON.parse(decoder.decode(bytes));
  }

  /** Waits until there is a value. @returns whether there is one before the time is over */
  wait(timeoutMs: number): boolean {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const state = Atomics.load(this.#words, STATE);
      const leftMs = end - performance.now();
      if (state === FULL || leftMs <= 0) {
        return state === FULL;
      }
      Atomics.wait(this.#words, STATE, state, leftMs);
    }
  }
}
