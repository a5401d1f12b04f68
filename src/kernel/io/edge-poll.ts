/**
 * An epoll instance (epoll(7)) that tells of changes: a descriptor is told of once when it becomes readable or
 * writable, and again after it was found not to be. So nothing is changed while it is used, and an own descriptor
 * stands for them all, to be polled by somebody else.
 */
import { SYS } from "../abi/syscalls.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_BYTES,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from "../abi/wait.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { addressOf } from "../sys/memory.ts";
import { callRaw, syscall, syscallRaw } from "../sys/syscall.ts";

/** Of one call. */
const MAX_EVENTS = 64;

export class EdgePoll implements Disposable {
  readonly #epoll = new FileDescriptor(syscall("epoll_create1", "", EPOLL_CLOEXEC));
  readonly #events = new DataView(new ArrayBuffer(MAX_EVENTS * EPOLL_EVENT_BYTES));
  readonly #eventsAddress = addressOf(this.#events);
  readonly #event = new DataView(new ArrayBuffer(EPOLL_EVENT_BYTES));

  /** Readable when `take` has something to tell. */
  get fd(): number {
    return this.#epoll.number;
  }

  /** From now on tells of a descriptor, until that is closed. @throws {SyscallError} */
  add(fd: number): void {
    this.#event.setUint32(0, (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0, true);
    this.#event.setUint32(4, fd, true);
    // SAFETY: the kernel reads the event, which lives as long as this.
    syscall("epoll_ctl", `add ${fd}`, this.#epoll.number, EPOLL_CTL_ADD, fd, this.#event);
  }

  /** Tells of it no more. Needed where others have what it describes open, too: closing it here does not end that. */
  remove(fd: number): void {
    // ENOENT, EBADF: it is not told of.
    syscallRaw("epoll_ctl", this.#epoll.number, EPOLL_CTL_DEL, fd, null);
  }

  /**
   * Hands on what has changed.
   * @param timeoutMs how long to wait for something; -1 for ever. A signal may end the wait early
   * @returns whether there may be more
   */
  take(handle: (fd: number, events: number) => void, timeoutMs = 0): boolean {
    // SAFETY: the kernel writes at most `MAX_EVENTS` events.
    const { number } = this.#epoll;
    const count = callRaw(SYS.epoll_wait, number, this.#eventsAddress, MAX_EVENTS, timeoutMs);
    for (let i = 0; i < count; i++) {
      const at = i * EPOLL_EVENT_BYTES;
      handle(this.#events.getUint32(at + 4, true), this.#events.getUint32(at, true));
    }
    return count === MAX_EVENTS;
  }

  [Symbol.dispose](): void {
    this.#epoll[Symbol.dispose]();
  }
}
