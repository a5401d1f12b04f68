/** The namespaces of one cell, as whoever starts a process in them needs them: by their first process's pidfd. */
import { ERRNO } from "../abi/errno.ts";
import { CLONE_NEWPID } from "../abi/sched.ts";
import { SIGKILL } from "../abi/signal.ts";
import type { NamespacesToJoin } from "../process/launch-plan.ts";
import { LaunchError } from "../process/launcher.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import type { CellNamespaces } from "./namespaces.ts";

/** The process that holds namespaces, in the making. Each throws a LaunchError where it did not come about. */
export interface Holder {
  /** What makes it; undefined for one that was there before. */
  readonly launch?: unknown;
  /** Waits until it is there. Whoever watches it closes this before `ended` settles. */
  readonly pidfd: () => FileDescriptor;
  /** Has it watched. */
  readonly watched: () => {
    readonly pid: number;
    readonly startTime: () => bigint;
    readonly ended: Promise<unknown>;
  };
}

interface Settled {
  readonly pid: number;
  readonly startTime: () => bigint;
  readonly ended: Promise<void>;
}

export class KernelCellNamespaces implements CellNamespaces {
  /** CLONE_NEW* bits of those that are not the daemon's. */
  readonly bits: number;
  readonly #ownPidNamespace: FileDescriptor;
  readonly #holder: Holder;
  #outcome: { readonly settled: Settled } | { readonly failure: unknown } | undefined;
  #startTime: bigint | undefined;
  #isKilled = false;
  #isEnded = false;

  constructor(bits: number, ownPidNamespace: FileDescriptor, holder: Holder) {
    this.bits = bits;
    this.#ownPidNamespace = ownPidNamespace;
    this.#holder = holder;
  }

  settle(): void {
    this.#settled();
  }

  #settled(): Settled {
    this.#outcome ??= this.#settle();
    if ("failure" in this.#outcome) {
      throw this.#outcome.failure;
    }
    return this.#outcome.settled;
  }

  #settle(): { readonly settled: Settled } | { readonly failure: unknown } {
    const onEnd = (): void => {
      this.#isEnded = true;
    };
    try {
      const { ended, ...rest } = this.#holder.watched();
      // Somebody else has reaped it, if that fails; nobody need wait for it, so it must not go unhandled.
      return { settled: { ...rest, ended: ended.then(onEnd, onEnd) } };
    } catch (failure) {
      return { failure };
    }
  }

  /** The same, for somebody who has something else to wait for; whoever needs them is told if they are not there. */
  settleQuietly(): void {
    this.#outcome ??= this.#settle();
  }

  get pid(): number {
    return this.#settled().pid;
  }

  get startTime(): bigint {
    this.#startTime ??= this.#settled().startTime();
    return this.#startTime;
  }

  get ended(): Promise<void> {
    this.settleQuietly();
    return this.#outcome !== undefined && "settled" in this.#outcome
      ? this.#outcome.settled.ended
      : Promise.resolve();
  }

  get hasProcessIds(): boolean {
    return (this.bits & CLONE_NEWPID) !== 0;
  }

  /** What a launch needs to be born in them. Its pidfd throws ESRCH when the first process has ended. */
  join(): NamespacesToJoin {
    const openPidfd = (): number => this.#openPidfd();
    return {
      get pidfd() {
        return openPidfd();
      },
      launch: this.#holder.launch,
      namespaces: this.bits,
      ownPidNamespace: this.#ownPidNamespace.number,
    };
  }

  #openPidfd(): number {
    const pidfd = this.#holder.pidfd();
    if (this.#isEnded || pidfd.isClosed) {
      throw new LaunchError("setns", ERRNO.ESRCH, "namespaces of cell");
    }
    return pidfd.number;
  }

  end(): void {
    this.settleQuietly();
    // Those that never came about are nobody's to end.
    if (this.#outcome === undefined || "failure" in this.#outcome) {
      return;
    }
    const pidfd = this.#holder.pidfd();
    if (this.#isKilled || this.#isEnded || pidfd.isClosed) {
      return;
    }
    const result = syscallRaw("pidfd_send_signal", pidfd.number, SIGKILL, null, 0);
    if (result < 0 && result !== -ERRNO.ESRCH) {
      throw new SyscallError("pidfd_send_signal", -result, `${this.pid} with signal ${SIGKILL}`);
    }
    this.#isKilled = true;
  }
}
