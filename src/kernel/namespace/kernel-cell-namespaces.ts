/** The namespaces of one cell, as whoever starts a process in them needs them: by their first process's pidfd. */
import { openSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { POLLIN, POLLPRI } from "../abi/poll.ts";
import { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS } from "../abi/sched.ts";
import { SIGKILL } from "../abi/signal.ts";
import { isReady } from "../io/poll-list.ts";
import type { NamespacesToJoin } from "../process/launch-plan.ts";
import { LaunchError } from "../process/launcher.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import type { CellNamespaces } from "./namespaces.ts";

/** The process that holds namespaces, in the making. Each throws a LaunchError where it did not come about. */
export interface Holder {
  /** What makes it; undefined for one that was there before. */
  readonly launch?: unknown;
  /** Whether nobody would have to wait. */
  readonly isThere: () => boolean;
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
  /** The daemon's own. */
  readonly #processIds: FileDescriptor;
  readonly #holder: Holder;
  #outcome: { readonly settled: Settled } | { readonly failure: unknown } | undefined;
  #startTime: bigint | undefined;
  #meanwhile: (() => void) | undefined;
  #whenLeft: (() => void) | undefined;
  /** To be given by the next process that is born in them. */
  #hostname: string | undefined;
  #isKilled = false;
  #isEnded = false;
  /** Tells of mounts since they were given out. As long as it is open, the kernel keeps all of them. */
  #mounts: FileDescriptor | undefined;
  #mayHaveMounts: boolean;

  constructor(bits: number, processIds: FileDescriptor, holder: Holder) {
    this.bits = bits;
    this.#processIds = processIds;
    this.#holder = holder;
    this.#mayHaveMounts = (bits & CLONE_NEWNS) !== 0;
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
      this.#closeMounts();
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

  /** Whether to settle would take no time. */
  get isThere(): boolean {
    return this.#outcome !== undefined || this.#holder.isThere();
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

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get mayHaveMounts(): boolean {
    return this.#mayHaveMounts;
  }

  /** From now on, it is known whether something is mounted there. For those that are settled, and that nobody has seen. */
  watchMounts(): void {
    if (!this.#mayHaveMounts || this.#mounts !== undefined || this.#isKilled) {
      return;
    }
    try {
      this.#mounts = new FileDescriptor(openSync(`/proc/${this.pid}/mountinfo`, "r"));
    } catch {
      // ENOENT: its first process is gone. EMFILE, …: so it is not known.
    }
  }

  /** The kernel tells of each change once: poll(2) of /proc/pid/mountinfo, proc_pid_mounts(5). */
  #closeMounts(): void {
    if (this.#mounts !== undefined) {
      this.#mayHaveMounts = isReady(this.#mounts.number, POLLPRI);
      this.#mounts[Symbol.dispose]();
      this.#mounts = undefined;
    }
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
      ownPidNamespace: this.#processIds.number,
      hostname: this.#hostname,
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

  /** Has something done, once, when any process that was born in them has ended. @param work undefined: nothing more */
  whenLeft(work: (() => void) | undefined): void {
    this.#whenLeft = work;
  }

  /** A process that was born in them has ended. */
  left(): void {
    const work = this.#whenLeft;
    this.#whenLeft = undefined;
    work?.();
  }

  /**
   * Gives those that are settled another host name, if they have one of their own: it is theirs once a process is born there.
   * @returns false where they are gone, because their first process is
   */
  rename(hostname: string): boolean {
    this.settleQuietly();
    if (this.#outcome === undefined || "failure" in this.#outcome) {
      return false;
    }
    const pidfd = this.#holder.pidfd();
    // It can be read once the process has ended (pidfd_open(2)).
    if (this.#isEnded || pidfd.isClosed || isReady(pidfd.number, POLLIN)) {
      return false;
    }
    this.watchMounts();
    this.#hostname = (this.bits & CLONE_NEWUTS) === 0 ? undefined : hostname;
    return true;
  }

  /** A process was born in them. */
  entered(): void {
    this.#hostname = undefined;
  }

  end(): void {
    this.settleQuietly();
    // Those that never came about are nobody's to end.
    if (this.#outcome === undefined || "failure" in this.#outcome) {
      return;
    }
    const pidfd = this.#holder.pidfd();
    this.#closeMounts();
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
