/** The array of `struct pollfd` for poll(2), made once and filled for each call; it grows as it needs to. */
import { ERRNO } from "../abi/errno.ts";
import { SYS } from "../abi/syscalls.ts";
import { SyscallError } from "../sys/error.ts";
import { addressOf } from "../sys/memory.ts";
import { callRaw } from "../sys/syscall.ts";

const WORDS = 2;
const FIRST_CAPACITY = 16;

export class PollList {
  /** For each: the descriptor, and what is wanted with what has come above it. */
  #words = new Int32Array(FIRST_CAPACITY * WORDS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** @param events `POLLIN`, `POLLOUT`; errors and hang-ups come by themselves */
  add(fd: number, events: number): void {
    const at = this.#count * WORDS;
    if (at === this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[at] = fd;
    this.#words[at + 1] = events & 0xffff;
    this.#count += 1;
  }

  /**
   * Waits until one of them is ready, or a signal comes.
   * @param timeoutMs -1 for ever
   * @returns how many are ready @throws {SyscallError}
   */
  wait(timeoutMs: number): number {
    // SAFETY: the kernel reads and writes `#count` structures, which the array holds.
    const result = callRaw(SYS.poll, addressOf(this.#words), this.#count, timeoutMs);
    if (result === -ERRNO.EINTR) {
      this.#forget();
      return 0;
    }
    if (result < 0) {
      throw new SyscallError("poll", -result);
    }
    return result;
  }

  #forget(): void {
    for (let i = 0; i < this.#count; i++) {
      this.#words[i * WORDS + 1] = (this.#words[i * WORDS + 1] ?? 0) & 0xffff;
    }
  }

  fd(i: number): number {
    return this.#words[i * WORDS] ?? -1;
  }

  /** What the last wait found of the i-th; 0 for nothing. */
  events(i: number): number {
    return (this.#words[i * WORDS + 1] ?? 0) >>> 16;
  }
}

const one = new PollList();

/** Whether one descriptor is ready, now or by then. @param events as for `add` @throws {SyscallError} */
export function isReady(fd: number, events: number, timeoutMs = 0): boolean {
  one.clear();
  one.add(fd, events);
  return one.wait(timeoutMs) > 0;
}
