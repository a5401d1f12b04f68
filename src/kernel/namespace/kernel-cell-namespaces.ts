/** The namespaces of one cell, as whoever starts a process in them needs them: by their first process's pidfd. */
import { ERRNO } from "../abi/errno.ts";
import { CLONE_NEWPID } from "../abi/sched.ts";
import { SIGKILL } from "../abi/signal.ts";
import type { NamespacesToJoin } from "../process/launch-plan.ts";
import { LaunchError } from "../process/launcher.ts";
import type { ProcessIdentity } from "../process/processes.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import type { CellNamespaces } from "./namespaces.ts";

export class KernelCellNamespaces implements CellNamespaces {
  readonly pid: number;
  readonly startTime: bigint;
  readonly ended: Promise<void>;
  /** CLONE_NEW* bits of those that are not the daemon's. */
  readonly bits: number;
  readonly #pidfd: FileDescriptor;
  readonly #ownPidNamespace: FileDescriptor;
  #isEnded = false;

  /** @param pidfd is closed by who watches it, before `ended` resolves */
  constructor(
    { pid, startTime }: ProcessIdentity,
    bits: number,
    pidfd: FileDescriptor,
    ownPidNamespace: FileDescriptor,
    ended: Promise<unknown>,
  ) {
    this.pid = pid;
    this.startTime = startTime;
    this.bits = bits;
    this.#pidfd = pidfd;
    this.#ownPidNamespace = ownPidNamespace;
    const onEnd = (): void => {
      this.#isEnded = true;
    };
    // Somebody else has reaped it, if that fails; nobody need wait for it, so it must not go unhandled.
    this.ended = ended.then(onEnd, onEnd);
  }

  get hasProcessIds(): boolean {
    return (this.bits & CLONE_NEWPID) !== 0;
  }

  /** What a launch needs to be born in them. @throws {LaunchError} ESRCH when the first process has ended */
  join(): NamespacesToJoin {
    if (this.#isEnded || this.#pidfd.isClosed) {
      throw new LaunchError("setns", ERRNO.ESRCH, "namespaces of cell");
    }
    return {
      pidfd: this.#pidfd.number,
      namespaces: this.bits,
      ownPidNamespace: this.#ownPidNamespace.number,
    };
  }

  end(): void {
    if (this.#isEnded || this.#pidfd.isClosed) {
      return;
    }
    const result = syscallRaw("pidfd_send_signal", this.#pidfd.number, SIGKILL, null, 0);
    if (result < 0 && result !== -ERRNO.ESRCH) {
      throw new SyscallError("pidfd_send_signal", -result, `${this.pid} with signal ${SIGKILL}`);
    }
  }
}
