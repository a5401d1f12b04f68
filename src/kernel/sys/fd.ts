/** An owned file descriptor, closed once, by `using`. */
import { F_DUPFD_CLOEXEC } from "../abi/open.ts";
import { SyscallError } from "./error.ts";
import { syscall, syscallRaw } from "./syscall.ts";

export class FileDescriptor implements Disposable {
  #number: number;

  constructor(number: number) {
    if (!Number.isInteger(number) || number < 0) {
      throw new RangeError(`not a file descriptor: ${number}`);
    }
    this.#number = number;
  }

  /** @throws {SyscallError} EBADF once it is closed or released */
  get number(): number {
    if (this.#number < 0) {
      throw new SyscallError("use of a closed descriptor", 9);
    }
    return this.#number;
  }

  /** Whether it is closed, or somebody else's. */
  get isClosed(): boolean {
    return this.#number < 0;
  }

  /** Hands the descriptor to somebody else, who closes it. */
  release(): number {
    const number = this.number;
    this.#number = -1;
    return number;
  }

  /** Another descriptor of the same. @throws {SyscallError} */
  duplicate(): FileDescriptor {
    return new FileDescriptor(syscall("fcntl", "duplicate", this.number, F_DUPFD_CLOEXEC, 0));
  }

  /** close(2): the descriptor is gone whatever the kernel answers, so the answer is not looked at. */
  [Symbol.dispose](): void {
    if (this.#number >= 0) {
      syscallRaw("close", this.#number);
      this.#number = -1;
    }
  }
}
