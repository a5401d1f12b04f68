/** A descriptor of KVM's: of /dev/kvm, a VM or a vCPU. Its requests are ioctls that errors call by their names. */
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw, type SyscallArgument } from "../sys/syscall.ts";

/** Somebody who takes KVM's requests; tests have others than the kernel. */
export interface RequestTarget {
  /**
   * @param name what the request is called in linux/kvm.h, for the message of an error
   * @param argument an integer, or memory that the request reads or writes; it is held until the call returns
   * @returns what the kernel answers, 0 or more
   * @throws {SyscallError}
   */
  request(name: string, number: number, argument?: SyscallArgument): number;
  /** As {@link request}, with `-errno` for a failure. */
  tryRequest(number: number, argument?: SyscallArgument): number;
}

export class KvmDescriptor extends FileDescriptor implements RequestTarget {
  readonly #what: string;

  /** @param what `vCPU 3`, as errors call it */
  constructor(number: number, what: string) {
    super(number);
    this.#what = what;
  }

  request(name: string, number: number, argument: SyscallArgument = 0): number {
    // SAFETY: each request's number says how much the kernel reads and writes, and the callers pass layouts of that size.
    return syscall("ioctl", `${name} of ${this.#what}`, this.number, number, argument);
  }

  tryRequest(number: number, argument: SyscallArgument = 0): number {
    // SAFETY: as above.
    return syscallRaw("ioctl", this.number, number, argument);
  }
}
