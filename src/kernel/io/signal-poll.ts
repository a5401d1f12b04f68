/**
 * Tells of descriptors that have something to read, for neither a thread nor a timer nor a watcher of the event loop each:
 * one epoll instance holds them, and each has SIGIO sent (O_ASYNC, fcntl(2)), which says that it is worth a look. A look
 * costs what has changed, not what is watched.
 */
import { F_SETFL, F_SETOWN, O_ASYNC, O_NONBLOCK } from "../abi/open.ts";
import { syscall } from "../sys/syscall.ts";
import { EdgePoll } from "./edge-poll.ts";

/** @param events of epoll(7) */
export type OnChange = (events: number) => void;

export class SignalPoll implements Disposable {
  readonly #poll = new EdgePoll();
  readonly #watched = new Map<number, OnChange>();
  readonly #onSignal = (): void => this.look();

  constructor() {
    process.on("SIGIO", this.#onSignal);
  }

  /** Each look tells what has changed of a descriptor since the one before, until it is removed. @throws {SyscallError} */
  add(fd: number, onChange: OnChange): void {
    this.#poll.add(fd);
    syscall("fcntl", "F_SETOWN", fd, F_SETOWN, process.pid);
    this.#watched.set(fd, onChange);
  }

  /** Whether there is a look at once when a descriptor, which does not block, changes from now on. @throws {SyscallError} */
  setSignals(fd: number, areSent: boolean): void {
    syscall("fcntl", "F_SETFL", fd, F_SETFL, areSent ? O_NONBLOCK | O_ASYNC : O_NONBLOCK);
  }

  /** To be called before the descriptor is closed, which ends the rest. */
  remove(fd: number): void {
    this.#watched.delete(fd);
  }

  /**
   * As {@link remove}, of what other processes have open, too: closing it would end neither what is told of it nor its
   * signals.
   * @throws {SyscallError}
   */
  removeShared(fd: number): void {
    this.setSignals(fd, false);
    this.#poll.remove(fd);
    this.remove(fd);
  }

  /** Tells of what has changed. */
  look(): void {
    const changes: (readonly [number, number])[] = [];
    const isMore = this.#poll.take((fd, events) => changes.push([fd, events]));
    if (isMore) {
      setImmediate(this.#onSignal);
    }
    for (const [fd, events] of changes) {
      this.#watched.get(fd)?.(events);
    }
  }

  [Symbol.dispose](): void {
    // Nobody survives a SIGIO that is not handled.
    for (const fd of this.#watched.keys()) {
      this.setSignals(fd, false);
    }
    this.#watched.clear();
    process.off("SIGIO", this.#onSignal);
    this.#poll[Symbol.dispose]();
  }
}
