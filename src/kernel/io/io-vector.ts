/**
 * Vectored I/O on memory that stays where it is: mappings, above all a guest's. `IoVector` is the array of `struct
 * iovec`, made once and filled for each call; data goes between the descriptor and the memory without a copy here.
 */
import { ERRNO } from "../abi/errno.ts";
import { IOVEC } from "../abi/unix.ts";
import { SYS } from "../abi/syscalls.ts";
import { addressOf } from "../sys/memory.ts";
import { callRaw } from "../sys/syscall.ts";

/** What one call takes (UIO_MAXIOV, writev(2)). */
export const MAX_VECTORS = 1024;

const WORDS_PER_IOVEC = IOVEC.size / 4;
const WORD = 2 ** 32;

export class IoVector {
  /** 64-bit fields in halves: low first. */
  readonly #words: Uint32Array;
  readonly #address: number;
  readonly #capacity: number;
  /** The memory that the vectors point to, which must live until the call has returned: a few mappings, each once. */
  readonly #held: Uint8Array[] = [];
  /** Where each of them is. */
  readonly #bases: number[] = [];
  /** Where the first part is. */
  #start = 0;
  #count = 0;
  #byteLength = 0;

  constructor(capacity: number) {
    if (!(capacity > 0 && capacity <= MAX_VECTORS)) {
      throw new RangeError(`${capacity} vectors, and 1 to ${MAX_VECTORS} can be`);
    }
    this.#capacity = capacity;
    this.#words = new Uint32Array(new ArrayBuffer(capacity * IOVEC.size));
    this.#address = addressOf(this.#words);
  }

  get count(): number {
    return this.#count;
  }

  /** Of all parts. */
  get byteLength(): number {
    return this.#byteLength;
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#byteLength = 0;
    this.#held.length = 0;
    this.#bases.length = 0;
  }

  /** Takes the first parts off, which hold so many bytes. The memory stays held until all are cleared. */
  dropFirst(count: number, byteLength: number): void {
    this.#start += count;
    this.#count -= count;
    this.#byteLength -= byteLength;
  }

  /** Takes the last part off, which holds so many bytes. */
  dropLast(byteLength: number): void {
    this.#count -= 1;
    this.#byteLength -= byteLength;
  }

  /** Adds a part. @returns false, and adds nothing, where no more go into one call. @throws {RangeError} */
  add(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!(offset >= 0 && length > 0 && offset + length <= bytes.length)) {
      throw new RangeError(`no ${length} bytes at ${offset} of ${bytes.length}`);
    }
    if (this.#count === this.#capacity) {
      return false;
    }
    if (this.#start + this.#count === this.#capacity) {
      const from = this.#start * WORDS_PER_IOVEC;
      this.#words.copyWithin(0, from, from + this.#count * WORDS_PER_IOVEC);
      this.#start = 0;
    }
    const address = this.#baseOf(bytes) + offset;
    const at = (this.#start + this.#count) * WORDS_PER_IOVEC;
    this.#words[at] = address % WORD;
    this.#words[at + 1] = Math.floor(address / WORD);
    this.#words[at + 2] = length % WORD;
    this.#words[at + 3] = Math.floor(length / WORD);
    this.#count += 1;
    this.#byteLength += length;
    return true;
  }

  #baseOf(bytes: Uint8Array): number {
    const at = this.#held.indexOf(bytes);
    const known = this.#bases[at];
    if (known !== undefined) {
      return known;
    }
    // SAFETY: `bytes` is held until the vectors are cleared; it is neither transferred nor resized. Whoever uses the address
    // has checked that its range lies within.
    const base = addressOf(bytes);
    this.#held.push(bytes);
    this.#bases.push(base);
    return base;
  }

  /** For the calls below. */
  get address(): number {
    return this.#address + this.#start * IOVEC.size;
  }
}

/** Calls again after EINTR, which none of these has to report. */
function call(number: number, fd: number, vector: IoVector, position: number): number {
  for (;;) {
    const result = callRaw(number, fd, vector.address, vector.count, position, 0);
    if (result !== -ERRNO.EINTR) {
      return result;
    }
  }
}

// SAFETY, for all four: the kernel reads the vectors, and reads or writes the memory they point to, which `IoVector`
// holds and has checked; after the call it has forgotten both.

/** readv(2). @returns the bytes read, or -errno */
export function readVector(fd: number, vector: IoVector): number {
  return call(SYS.readv, fd, vector, 0);
}

/** writev(2). @returns the bytes written, or -errno */
export function writeVector(fd: number, vector: IoVector): number {
  return call(SYS.writev, fd, vector, 0);
}

/** preadv(2). @param position below 2^53 @returns the bytes read, or -errno */
export function readVectorAt(fd: number, vector: IoVector, position: number): number {
  return call(SYS.preadv, fd, vector, position);
}

/** pwritev(2). @param position below 2^53 @returns the bytes written, or -errno */
export function writeVectorAt(fd: number, vector: IoVector, position: number): number {
  return call(SYS.pwritev, fd, vector, position);
}
