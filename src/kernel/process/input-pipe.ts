/** The writing end of a process's standard input: a pipe, or the terminal that it reads from. Never blocks the daemon. */
import { ERRNO } from "../abi/errno.ts";
import { F_SETFL, O_CLOEXEC, O_NONBLOCK } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import type { InputPipe } from "./processes.ts";

/** How long to wait for a process that does not read: at first, and at most. */
const FIRST_WAIT_MS = 1;
const LAST_WAIT_MS = 32;

function brokenPipe(): SyscallError {
  return new SyscallError("write", ERRNO.EPIPE, "standard input");
}

export class KernelInput implements InputPipe, Disposable {
  readonly #descriptor: FileDescriptor;
  readonly #endMark: Uint8Array | undefined;
  /** What was asked for happens one after the other. */
  #last: Promise<void> = Promise.resolve();
  #isEnded = false;
  #isClosed = false;

  /**
   * @param descriptor does not block; it is taken over
   * @param endMark what ends the input, where that is not the closing of the descriptor
   */
  constructor(descriptor: FileDescriptor, endMark?: Uint8Array) {
    this.#descriptor = descriptor;
    this.#endMark = endMark;
  }

  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const written = this.#isEnded
      ? Promise.reject(brokenPipe())
      : this.#last.then(() => this.#writeAll(bytes, signal));
    this.#last = written.catch(() => undefined); // whoever wrote it is told
    return written;
  }

  async #writeAll(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let rest = bytes; rest.byteLength > 0;) {
      signal?.throwIfAborted();
      if (this.#isClosed) {
        throw brokenPipe();
      }
      // SAFETY: the kernel reads `rest`, which the caller of `write` keeps until this resolves.
      const count = syscallRaw("write", this.#descriptor.number, rest, rest.byteLength);
      if (count > 0) {
        rest = rest.subarray(count);
        waitMs = FIRST_WAIT_MS;
      } else if (count === -ERRNO.EAGAIN) {
        await Bun.sleep(waitMs);
        waitMs = Math.min(waitMs * 2, LAST_WAIT_MS);
      } else if (count === -ERRNO.EIO) {
        throw brokenPipe(); // a terminal whose other side is closed
      } else if (count !== -ERRNO.EINTR) {
        throw new SyscallError("write", -count, "standard input");
      }
    }
  }

  end(): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      const mark = this.#endMark;
      this.#last = this.#last.then(async () => {
        if (mark === undefined) {
          this[Symbol.dispose]();
        } else {
          await this.#writeAll(mark).catch(() => undefined); // it has ended by itself
        }
      });
    }
  }

  /** The process is gone. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#isClosed = true;
    this.#descriptor[Symbol.dispose]();
  }
}

/** Makes a pipe for standard input; the caller closes the reading end once the process has it. */
export function createInputPipe(): { input: KernelInput; reader: FileDescriptor } {
  const ends = new Int32Array(2);
  syscall("pipe2", "for input", ends, O_CLOEXEC);
  using stack = new DisposableStack();
  const reader = stack.use(new FileDescriptor(ends[0] ?? -1));
  const input = stack.use(new KernelInput(new FileDescriptor(ends[1] ?? -1)));
  syscall("fcntl", "for input", ends[1] ?? -1, F_SETFL, O_NONBLOCK);
  stack.move();
  return { input, reader };
}
