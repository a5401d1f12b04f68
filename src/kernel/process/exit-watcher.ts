/**
 * Tells when processes end. One epoll instance holds the pidfds of all that run; SIGCHLD says that it is worth a
 * look, so that thousands of children cost neither a thread nor a timer, and a look costs what has ended, not what runs.
 * Of strangers, which an earlier daemon started, no signal tells: while there are any, a timer looks as well.
 * Waits by pidfd only: what else is a child of this process (an orphan, where it is PID 1) is none of its business.
 */
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_BYTES,
  EPOLLIN,
} from "../abi/wait.ts";
import { isErrno } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw, syscallRetry } from "../sys/syscall.ts";
import { exitOfStranger, reap } from "./exit-status.ts";
import type { ProcessEnd } from "./processes.ts";

/** How many ended processes one look takes from the kernel at a time. */
const EVENTS_PER_LOOK = 64;
const STRANGERS_LOOK_MS = 200;
/** How often to ask for a stranger's end, which the kernel has once its parent has reaped it; some take seconds. */
const MAX_ASKED = 50;

interface Watched {
  readonly pid: number;
  readonly pidfd: FileDescriptor;
  readonly isStranger: boolean;
  asked: number;
  readonly resolve: (end: ProcessEnd) => void;
  readonly reject: (error: unknown) => void;
}

export class ExitWatcher implements Disposable {
  readonly #epoll = new FileDescriptor(syscall("epoll_create1", "for children", EPOLL_CLOEXEC));
  readonly #watched = new Map<number, Watched>();
  readonly #events = new DataView(new ArrayBuffer(EVENTS_PER_LOOK * EPOLL_EVENT_BYTES));
  readonly #event = new DataView(new ArrayBuffer(EPOLL_EVENT_BYTES));
  readonly #onSigchld = (): void => this.look();
  #strangers = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    process.on("SIGCHLD", this.#onSigchld);
  }

  /** Whether the process is watched: it has not been seen to end. */
  has(pid: number): boolean {
    return this.#watched.has(pid);
  }

  /** Resolves when the child has ended and is reaped. Takes the descriptor over and closes it then. */
  watch(pid: number, pidfd: FileDescriptor): Promise<ProcessEnd> {
    return this.#add(pid, pidfd, false);
  }

  /** The same for a process that an earlier daemon started. */
  watchStranger(pid: number, pidfd: FileDescriptor): Promise<ProcessEnd> {
    const end = this.#add(pid, pidfd, true);
    this.#strangers += 1;
    this.#timer ??= setInterval(this.#onSigchld, STRANGERS_LOOK_MS);
    return end;
  }

  #add(pid: number, pidfd: FileDescriptor, isStranger: boolean): Promise<ProcessEnd> {
    if (this.#watched.has(pid)) {
      throw new Error(`process ${pid} is watched already`);
    }
    this.#event.setUint32(0, EPOLLIN, true);
    this.#event.setUint32(4, pid, true);
    const { number } = pidfd;
    syscall("epoll_ctl", `add pid ${pid}`, this.#epoll.number, EPOLL_CTL_ADD, number, this.#event);
    return new Promise((resolve, reject) => {
      this.#watched.set(pid, { pid, pidfd, isStranger, asked: 0, resolve, reject });
    });
  }

  /** Sees to those that have ended, as SIGCHLD has it do: of those that ended before they were watched, none tells. */
  look(): void {
    for (;;) {
      const count = syscallRetry(
        "epoll_wait",
        "for children",
        this.#epoll.number,
        this.#events,
        EVENTS_PER_LOOK,
        0,
      );
      let settled = 0;
      for (let i = 0; i < count; i++) {
        const watched = this.#watched.get(this.#events.getUint32(i * EPOLL_EVENT_BYTES + 4, true));
        settled += watched !== undefined && this.#settle(watched) ? 1 : 0;
      }
      // What is ready and not to be settled yet stays ready: looking on for ever would not help it.
      if (count < EVENTS_PER_LOOK || settled === 0) {
        return;
      }
    }
  }

  /** Answers whether that was the end of it. */
  #settle(watched: Watched): boolean {
    let end: ProcessEnd | undefined;
    try {
      end = watched.isStranger ? strangerEnd(watched) : reap(watched.pidfd);
    } catch (error) {
      this.#forget(watched);
      watched.reject(error);
      return true;
    }
    // A pidfd is readable when its process has ended, but a traced one can only be reaped by its tracer first.
    if (end === undefined) {
      return false;
    }
    this.#forget(watched);
    watched.resolve(end);
    return true;
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched.pid);
    syscallRaw("epoll_ctl", this.#epoll.number, EPOLL_CTL_DEL, watched.pidfd.number, null);
    watched.pidfd[Symbol.dispose]();
    this.#strangers -= watched.isStranger ? 1 : 0;
    if (this.#strangers === 0) {
      this.#stopTimer();
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stops watching. What is watched still runs, and its promises stay open. */
  [Symbol.dispose](): void {
    process.off("SIGCHLD", this.#onSigchld);
    this.#stopTimer();
    for (const watched of this.#watched.values()) {
      watched.pidfd[Symbol.dispose]();
    }
    this.#watched.clear();
    this.#epoll[Symbol.dispose]();
  }
}

/** The end of a process that is ready. It may be our child all the same: a daemon that replaces itself keeps them. */
function strangerEnd(watched: Watched): ProcessEnd | undefined {
  try {
    return reap(watched.pidfd);
  } catch (error) {
    if (!isErrno(error, "ECHILD")) {
      throw error;
    }
  }
  const exit = exitOfStranger(watched.pidfd);
  if (exit === "later" && watched.asked < MAX_ASKED) {
    watched.asked += 1;
    return undefined;
  }
  return { status: typeof exit === "string" ? undefined : exit, maxRssBytes: 0 };
}
