/**
 * Programs of the host's that have connected, and are yet to say which port of the guest's they want: one line,
 * `CONNECT <port>\n`. Whatever else they say, or too many of them, are closed.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import type { EdgePoll } from "../../kernel/io/edge-poll.ts";
import { acceptUnix, peek } from "../../kernel/net/unix-stream.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { syscallRaw } from "../../kernel/sys/syscall.ts";

/** Who waits to say it. */
export const MAX_HANDSHAKES = 64;
/** Accepted by one call. */
const MAX_ACCEPTED = 64;
/** The longest line there is has 19 bytes. */
const MAX_LINE_BYTES = 32;
const LINE = /^CONNECT (\d{1,10})\r?\n$/;
const U32_MAX = 0xffff_ffff;
const NEWLINE = 0x0a;

export class VsockHandshakes implements Disposable {
  readonly #listener: FileDescriptor;
  readonly #poll: EdgePoll;
  readonly #onPort: (socket: FileDescriptor, port: number) => void;
  readonly #waiting = new Map<number, FileDescriptor>();
  /** Whether somebody may wait to be accepted. */
  #isReady = true;

  /**
   * Takes the listener over.
   * @param onPort gets the socket, for its own, and the port that was asked for
   */
  constructor(
    listener: FileDescriptor,
    poll: EdgePoll,
    onPort: (socket: FileDescriptor, port: number) => void,
  ) {
    this.#listener = listener;
    this.#poll = poll;
    this.#onPort = onPort;
    poll.add(listener.number);
  }

  /** A descriptor is ready: the listener's, or that of one who waits. Others are none of its business. */
  ready(fd: number): void {
    if (fd === this.#listener.number) {
      this.#isReady = true;
      return;
    }
    const socket = this.#waiting.get(fd);
    if (socket !== undefined) {
      this.#read(socket);
    }
  }

  /** Accepts who waits. @param room for how many @returns whether there may be more */
  accept(room: number): boolean {
    for (let i = 0; i < MAX_ACCEPTED && this.#isReady; i++) {
      const socket = acceptUnix(this.#listener);
      if (typeof socket === "number") {
        this.#isReady = false;
      } else if (this.#waiting.size >= Math.min(MAX_HANDSHAKES, room)) {
        socket[Symbol.dispose]();
      } else {
        this.#waiting.set(socket.number, socket);
        this.#poll.add(socket.number);
      }
    }
    return this.#isReady;
  }

  /** Reads the line, and no byte more: what follows is for the guest. */
  #read(socket: FileDescriptor): void {
    const bytes = new Uint8Array(MAX_LINE_BYTES);
    const count = peek(socket, bytes);
    if (count === -ERRNO.EAGAIN) {
      return;
    }
    const end = bytes.subarray(0, Math.max(count, 0)).indexOf(NEWLINE) + 1;
    if (end === 0 && count > 0 && count < MAX_LINE_BYTES) {
      return; // there is more of it to come
    }
    this.#waiting.delete(socket.number);
    const port = Number(LINE.exec(new TextDecoder().decode(bytes.subarray(0, end)))?.[1] ?? -1);
    // SAFETY: the kernel writes at most `end` bytes, which `bytes` has.
    if (port < 0 || port > U32_MAX || syscallRaw("read", socket.number, bytes, end) !== end) {
      socket[Symbol.dispose]();
      return;
    }
    this.#onPort(socket, port);
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const socket of this.#waiting.values()) {
      socket[Symbol.dispose]();
    }
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.clear();
    this.#listener[Symbol.dispose]();
  }
}
