/** The namespaces of one cell, as whoever starts a process in them needs them: by their first process's pidfd. */
import { ERRNO } from "../abi/errno.ts";
import { CLONE_NEWPID, CLONE_NEWUTS } from "../abi/sched.ts";
import { SIGKILL } from "../abi/signal.ts";
import type { NamespacesToJoin } from "../process/launch-plan.ts";
import { LaunchError } from "../process/launcher.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall, syscallRaw } from "../sys/syscall.ts";
import type { CellNamespaces } from "./namespaces.ts";

/** The daemon's. */
export interface OwnNamespaces {
  readonly pid: FileDescriptor;
  readonly uts: FileDescriptor;
}

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
  readonly #own: OwnNamespaces;
  readonly #holder: Holder;
  #outcome: { readonly settled: Settled } | { readonly failure: unknown } | undefined;
  #startTime: bigint | undefined;
  #meanwhile: (() => void) | undefined;
  #isKilled = false;
  #isEnded = false;

  constructor(bits: number, own: OwnNamespaces, holder: Holder) {
    this.bits = bits;
    this.#own = own;
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
      ownPidNamespace: this.#own.pid.number,
    };
  }

  #openPidfd(): number {
    const pidfd = this.#holder.pidfd();
    if (this.#isEnded || pidfd.isClosed) {
      throw new LaunchError("setns", ERRNO.ESRCH, "namespaces of cell");
    }
    return pidfd.number;
  }

  /** Has something done, once, while the kernel makes the next process that is born in them. */
  meanwhile(work: () => void): void {
    this.#meanwhile = work;
  }

  /** The kernel makes a process that is to be born in them, and there is nothing to do but to wait. */
  doMeanwhile(): void {
    this.settleQuietly();
    const work = this.#meanwhile;
    this.#meanwhile = undefined;
    work?.();
  }

  /**
   * Gives those that are settled another host name, if they have one of their own; the calling thread is in there meanwhile.
   * @returns whether it has the name then @throws {SyscallError} where the thread can't get back
   */
  setHostname(name: string): boolean {
    this.settleQuietly();
    if (this.#outcome === undefined || "failure" in this.#outcome) {
      return false;
    }
    if ((this.bits & CLONE_NEWUTS) === 0) {
      return true;
    }
    const pidfd = this.#holder.pidfd();
    // ESRCH: its first process was ended by somebody else.
    if (pidfd.isClosed || syscallRaw("setns", pidfd.number, CLONE_NEWUTS) < 0) {
      return false;
    }
    const bytes = cString(name);
    const answer = syscallRaw("sethostname", bytes, bytes.length - 1);
    syscall("setns", "the daemon's UTS namespace", this.#own.uts.number, CLONE_NEWUTS);
    return answer >= 0;
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
