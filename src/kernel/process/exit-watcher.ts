/**
 * Tells when children end. One epoll instance holds the pidfds of all that run; SIGCHLD says that it is worth a
 * look, so that thousands of children cost neither a thread nor a timer. Waits by pidfd only: what else is a child of
 * this process (an orphan, where it is PID 1) is none of its business.
 */
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_BYTES,
  EPOLLIN,
} from "../abi/wait.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw, syscallRetry } from "../sys/syscall.ts";
import { type ExitStatus, reap } from "./exit-status.ts";

/** How many ended children one look takes from the kernel; the next look takes the rest. */
const EVENTS_PER_LOOK = 64;

interface Watched {
  readonly pid: number;
  readonly pidfd: FileDescriptor;
  readonly resolve: (status: ExitStatus) => void;
  readonly reject: (error: unknown) => void;
}

export class ExitWatcher implements Disposable {
  readonly #epoll = new FileDescriptor(syscall("epoll_create1", "for children", EPOLL_CLOEXEC));
  readonly #watched = new Map<number, Watched>();
  readonly #events = new DataView(new ArrayBuffer(EVENTS_PER_LOOK * EPOLL_EVENT_BYTES));
  readonly #onSigchld = (): void => this.#look();

  constructor() {
    process.on("SIGCHLD", this.#onSigchld);
  }

  /** The process ids of the children that are watched. */
  has(pid: number): boolean {
    return this.#watched.has(pid);
  }

  /** Resolves when the child has ended and is reaped. Takes the descriptor over and closes it then. */
  watch(pid: number, pidfd: FileDescriptor): Promise<ExitStatus> {
    const event = new DataView(new ArrayBuffer(EPOLL_EVENT_BYTES));
    event.setUint32(0, EPOLLIN, true);
    event.setUint32(4, pid, true);
    syscall("epoll_ctl", `add pid ${pid}`, this.#epoll.number, EPOLL_CTL_ADD, pidfd.number, event);
    return new Promise((resolve, reject) => {
      this.#watched.set(pid, { pid, pidfd, resolve, reject });
    });
  }

  #look(): void {
    for (;;) {
      const count = syscallRetry(
        "epoll_wait",
        "for children",
        this.#epoll.number,
        this.#events,
        EVENTS_PER_LOOK,
        0,
      );
      for (let i = 0; i < count; i++) {
        const watched = this.#watched.get(this.#events.getUint32(i * EPOLL_EVENT_BYTES + 4, true));
        if (watched !== undefined) {
          this.#settle(watched);
        }
      }
      if (count < EVENTS_PER_LOOK) {
        return;
      }
    }
  }

  #settle(watched: Watched): void {
    let status: ExitStatus | undefined;
    try {
      status = reap(watched.pidfd);
    } catch (error) {
      this.#forget(watched);
      watched.reject(error);
      return;
    }
    // A pidfd is readable when its process has ended, but a traced one can only be reaped by its tracer first.
    if (status !== undefined) {
      this.#forget(watched);
      watched.resolve(status);
    }
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched.pid);
    syscallRaw("epoll_ctl", this.#epoll.number, EPOLL_CTL_DEL, watched.pidfd.number, null);
    watched.pidfd[Symbol.dispose]();
  }

  /** Stops watching. What is watched still runs, and its promises stay open. */
  [Symbol.dispose](): void {
    process.off("SIGCHLD", this.#onSigchld);
    for (const watched of this.#watched.values()) {
      watched.pidfd[Symbol.dispose]();
    }
    this.#watched.clear();
    this.#epoll[Symbol.dispose]();
  }
}
