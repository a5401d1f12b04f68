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

/** The process that holds namespaces. */
export interface Holder {
  readonly identity: ProcessIdentity;
  /** Is closed by who watches it, before `ended` settles. */
  readonly pidfd: FileDescriptor;
  readonly ended: Promise<unknown>;
}

export class KernelCellNamespaces implements CellNamespaces {
  /** CLONE_NEW* bits of those that are not the daemon's. */
  readonly bits: number;
  readonly #ownPidNamespace: FileDescriptor;
  /** Waits for the holder. @throws {LaunchError} */
  readonly #settle: () => Holder;
  #holder: (Holder & { readonly ended: Promise<void> }) | undefined;
  #failure: unknown;
  #isEnded = false;

  constructor(bits: number, ownPidNamespace: FileDescriptor, settle: () => Holder) {
    this.bits = bits;
    this.#ownPidNamespace = ownPidNamespace;
    this.#settle = settle;
  }

  settle(): void {
    this.#settled();
  }

  #settled(): Holder & { readonly ended: Promise<void> } {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      this.#holder ??= this.#watched(this.#settle());
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    return this.#holder;
  }

  #watched(holder: Holder): Holder & { readonly ended: Promise<void> } {
    const onEnd = (): void => {
      this.#isEnded = true;
    };
    // Somebody else has reaped it, if that fails; nobody need wait for it, so it must not go unhandled.
    return { ...holder, ended: holder.ended.then(onEnd, onEnd) };
  }

  get pid(): number {
    return this.#settled().identity.pid;
  }

  get startTime(): bigint {
    return this.#settled().identity.startTime;
  }

  get ended(): Promise<void> {
    return this.#failure === undefined ? this.#settled().ended : Promise.resolve();
  }

  get hasProcessIds(): boolean {
    return (this.bits & CLONE_NEWPID) !== 0;
  }

  /** What a launch needs to be born in them. @throws {LaunchError} ESRCH when the first process has ended */
  join(): NamespacesToJoin {
    const { pidfd } = this.#settled();
    if (this.#isEnded || pidfd.isClosed) {
      throw new LaunchError("setns", ERRNO.ESRCH, "namespaces of cell");
    }
    return {
      pidfd: pidfd.number,
      namespaces: this.bits,
      ownPidNamespace: this.#ownPidNamespace.number,
    };
  }

  end(): void {
    try {
      this.settle();
    } catch {
      // It never came about, which others are told.
      return;
    }
    const { pidfd, identity } = this.#settled();
    if (this.#isEnded || pidfd.isClosed) {
      return;
    }
    const result = syscallRaw("pidfd_send_signal", pidfd.number, SIGKILL, null, 0);
    if (result < 0 && result !== -ERRNO.ESRCH) {
      throw new SyscallError(
        "pidfd_send_signal",
        -result,
        `${identity.pid} with signal ${SIGKILL}`,
      );
    }
  }
}
