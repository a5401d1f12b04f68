/**
 * Vectored I/O on memory that stays where it is: mappings, above all a guest's. `IoVector` is the array of `struct
 * iovec`, made once and filled for each call; data goes between the descriptor and the memory without a copy here.
 */
import { ERRNO } from "../abi/errno.ts";
import { IOVEC } from "../abi/unix.ts";
import { addressOf } from "../sys/memory.ts";
import { type SyscallArgument, syscallRaw } from "../sys/syscall.ts";
import type { SyscallName } from "../abi/syscalls.ts";

/** What one call takes (UIO_MAXIOV, writev(2)). */
export const MAX_VECTORS = 1024;

const WORDS_PER_IOVEC = IOVEC.size / 4;
const WORD = 2 ** 32;

export class IoVector {
  /** 64-bit fields in halves: low first. */
  readonly #words: Uint32Array;
  readonly #capacity: number;
  /** The memory that the vectors point to, which must live until the call has returned. */
  readonly #held: Uint8Array[] = [];
  readonly #addresses = new WeakMap<Uint8Array, number>();
  #count = 0;
  #byteLength = 0;

  constructor(capacity: number) {
    if (!(capacity > 0 && capacity <= MAX_VECTORS)) {
      throw new RangeError(`${capacity} vectors, and 1 to ${MAX_VECTORS} can be`);
    }
    this.#capacity = capacity;
    this.#words = new Uint32Array(capacity * WORDS_PER_IOVEC);
  }

  get count(): number {
    return this.#count;
  }

  /** Of all parts. */
  get byteLength(): number {
    return this.#byteLength;
  }

  clear(): void {
    this.#count = 0;
    this.#byteLength = 0;
    this.#held.length = 0;
  }

  /** Adds a part. @returns false, and adds nothing, where no more go into one call. @throws {RangeError} */
  add(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) {
      throw new RangeError(`no ${length} bytes at ${offset} of ${bytes.length}`);
    }
    if (this.#count === this.#capacity) {
      return false;
    }
    let base = this.#addresses.get(bytes);
    if (base === undefined) {
      // SAFETY: `bytes` is held until the vectors are cleared, and by its owner for as long as it is given here; it is
      // neither transferred nor resized. The range was checked to lie within it.
      base = addressOf(bytes);
      this.#addresses.set(bytes, base);
    }
    const address = base + offset;
    const at = this.#count * WORDS_PER_IOVEC;
    this.#words[at] = address % WORD;
    this.#words[at + 1] = Math.floor(address / WORD);
    this.#words[at + 2] = length % WORD;
    this.#words[at + 3] = Math.floor(length / WORD);
    if (this.#held.at(-1) !== bytes) {
      this.#held.push(bytes);
    }
    this.#count += 1;
    this.#byteLength += length;
    return true;
  }

  /** For the calls below. */
  get words(): Uint32Array {
    return this.#words;
  }
}

/** Calls again after EINTR, which none of these has to report. */
function call(name: SyscallName, ...args: readonly SyscallArgument[]): number {
  for (;;) {
    const result = syscallRaw(name, ...args);
    if (result !== -ERRNO.EINTR) {
      return result;
    }
  }
}

// SAFETY, for all four: the kernel reads the vectors, and reads or writes the memory they point to, which `IoVector`
// holds and has checked; after the call it has forgotten both.

/** readv(2). @returns the bytes read, or -errno */
export function readVector(fd: number, vector: IoVector): number {
  return call("readv", fd, vector.words, vector.count);
}

/** writev(2). @returns the bytes written, or -errno */
export function writeVector(fd: number, vector: IoVector): number {
  return call("writev", fd, vector.words, vector.count);
}

/** preadv(2). @param position below 2^53 @returns the bytes read, or -errno */
export function readVectorAt(fd: number, vector: IoVector, position: number): number {
  return call("preadv", fd, vector.words, vector.count, position, 0);
}

/** pwritev(2). @param position below 2^53 @returns the bytes written, or -errno */
export function writeVectorAt(fd: number, vector: IoVector, position: number): number {
  return call("pwritev", fd, vector.words, vector.count, position, 0);
}
