/**
 * Reads kernel and initrd into the guest's memory in the first processor's thread, which has nothing else to do yet, while
 * the main thread has KVM make the machine, and waits for it most of that time.
 */
import { readSync } from "node:fs";
import { bytesAt } from "../../kernel/sys/mapping.ts";
import { addressOf } from "../../kernel/sys/memory.ts";
import { BootError } from "../boot/boot-error.ts";
import type { FilePart } from "../boot/image.ts";

/** What is read by one call; in between, the thread looks whether it is to stop. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Until the thread is up, or a chunk is read, even from a slow disk. */
const STALL_MS = 120_000;

/** Words of the shared memory. The first counts chunks, and is what the main thread waits on. */
const PROGRESS = 0;
const RESULT = 1;
const IS_CANCELLED = 2;
const FAILED_PART = 3;
const WORDS = 4;

const PENDING = 0;
const DONE = 1;
const CUT = 2;
const UNREADABLE = 3;

/** What the thread is given, as a message has it. */
export interface LoadWork {
  readonly parts: readonly {
    readonly fd: number;
    readonly offset: number;
    readonly address: number;
    readonly length: number;
  }[];
  readonly state: SharedArrayBuffer;
}

export class ImageLoading implements Disposable {
  readonly #parts: FilePart[] = [];
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  #isGiven = false;

  /** Before {@link give}. */
  add(part: FilePart): void {
    this.#parts.push(part);
  }

  /** Has a thread begin. Files and memory have to stay until {@link finish} or disposal. */
  give(post: (work: LoadWork) => void): void {
    const parts = this.#parts.map(({ fd, offset, into }) => {
      return { fd, offset, address: addressOf(into), length: into.length };
    });
    this.#isGiven = true;
    post({ parts, state: this.#words.buffer as SharedArrayBuffer });
  }

  #wait(): number {
    for (;;) {
      const progress = Atomics.load(this.#words, PROGRESS);
      const result = Atomics.load(this.#words, RESULT);
      if (result !== PENDING) {
        return result;
      }
      if (Atomics.wait(this.#words, PROGRESS, progress, STALL_MS) === "timed-out") {
        return PENDING;
      }
    }
  }

  /** Waits until everything is there. @throws {BootError} naming what can't be read, or has become shorter */
  finish(): void {
    const result = this.#wait();
    if (result === DONE) {
      return;
    }
    const part = this.#parts[Atomics.load(this.#words, FAILED_PART)];
    const what = part === undefined ? "the images" : `the ${part.what} of "${part.name}"`;
    throw new BootError(
      result === CUT
        ? `read ${what}: it has become shorter meanwhile; the file is cut`
        : result === UNREADABLE
          ? `read ${what}: the file can't be read`
          : `read ${what}: nothing has come for ${STALL_MS / 1000} s`,
    );
  }

  /** No byte is written to the memory afterwards. */
  [Symbol.dispose](): void {
    if (this.#isGiven) {
      Atomics.store(this.#words, IS_CANCELLED, 1);
      this.#wait();
    }
  }
}

/** For the thread. Throws nothing. */
export function loadParts({ parts, state }: LoadWork): void {
  const words = new Int32Array(state);
  const tell = (result: number) => {
    Atomics.store(words, RESULT, result);
    Atomics.add(words, PROGRESS, 1);
    Atomics.notify(words, PROGRESS);
  };
  for (const [index, { fd, offset, address, length }] of parts.entries()) {
    Atomics.store(words, FAILED_PART, index);
    // SAFETY: the main thread keeps the memory mapped until it is told that this is done.
    const into = bytesAt(address, length);
    for (let done = 0; done < length;) {
      let count = 0;
      try {
        count = readSync(fd, into, done, Math.min(CHUNK_BYTES, length - done), offset + done);
      } catch {
        tell(UNREADABLE);
        return;
      }
      if (count === 0 || Atomics.load(words, IS_CANCELLED) === 1) {
        tell(CUT);
        return;
      }
      done += count;
      tell(PENDING);
    }
  }
  tell(DONE);
}
