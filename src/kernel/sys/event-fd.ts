/** Counters that the kernel, and other threads, add to and wait for: eventfd(2). */
import { EFD_CLOEXEC, EFD_NONBLOCK } from "../abi/eventfd.ts";
import { ERRNO } from "../abi/errno.ts";
import { SYS } from "../abi/syscalls.ts";
import { SyscallError } from "./error.ts";
import { FileDescriptor } from "./fd.ts";
import { addressOf } from "./memory.ts";
import { callRaw, syscall, syscallRaw } from "./syscall.ts";

const ONE = new BigUint64Array([1n]);
const ONE_ADDRESS = addressOf(ONE);

export interface EventFdOptions {
  /** Whether {@link EventFd.take} waits for the counter to be more than 0. */
  readonly isBlocking?: boolean;
}

export class EventFd implements Disposable {
  readonly descriptor: FileDescriptor;
  readonly #count = new BigUint64Array(1);

  /** @throws {SyscallError} */
  constructor({ isBlocking = false, attached }: EventFdOptions & { attached?: number } = {}) {
    const flags = EFD_CLOEXEC | (isBlocking ? 0 : EFD_NONBLOCK);
    this.descriptor = new FileDescriptor(attached ?? syscall("eventfd2", "", 0, flags));
  }

  /** One that another thread of this process has made, and closes: not to be disposed of here. */
  static attach(fd: number): EventFd {
    return new EventFd({ attached: fd });
  }

  /** Adds 1, and so wakes who waits. @throws {SyscallError} */
  signal(): void {
    const result = callRaw(SYS.write, this.descriptor.number, ONE_ADDRESS, ONE.byteLength);
    // EAGAIN: the counter is at its most, so whoever waits is woken already.
    if (result < 0 && result !== -ERRNO.EAGAIN) {
      throw new SyscallError("write", -result, "an eventfd");
    }
  }

  /** What was added since the last time: 0 for nothing. A signal may end the wait of a blocking one early, with 0. */
  take(): bigint {
    const count = this.#count;
    const result = syscallRaw("read", this.descriptor.number, count, count.byteLength);
    if (result === -ERRNO.EAGAIN || result === -ERRNO.EINTR) {
      return 0n;
    }
    if (result < 0) {
      throw new SyscallError("read", -result, "an eventfd");
    }
    return count[0] ?? 0n;
  }

  [Symbol.dispose](): void {
    this.descriptor[Symbol.dispose]();
  }
}
