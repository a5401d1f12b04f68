/**
 * A packet socket that the event loop is told of: the kernel sends a signal, SIGIO, when something has come (fcntl(2),
 * O_ASYNC), so that many of them cost neither a thread nor a timer. Bun itself would read such a socket, too, but as a
 * stream: packets that came together would be one.
 */
import { ERRNO } from "../abi/errno.ts";
import { F_SETFL, F_SETOWN, O_ASYNC, O_NONBLOCK } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";
import { receivePacket, sendPacket } from "./packet-socket.ts";

/** How many packets one look takes: whoever floods us must not keep the daemon from everything else. */
const PACKETS_PER_LOOK = 32;

/** Of this process: the signal does not say which one it is about. */
const open = new Set<PacketChannel>();
/**
 * For good: others may hold such a socket, too, and a signal that comes when nobody listens any more ends the process, as
 * signals do.
 */
let isListening = false;

function lookAtAll(): void {
  for (const channel of [...open]) {
    channel.look();
  }
}

export interface PacketHandler {
  /** @param bytes are good during the call only @param isCut whether more came than there is room for */
  packet(bytes: Uint8Array, isCut: boolean): void;
  /** Nobody holds the other side any more. */
  end(): void;
}

export class PacketChannel implements Disposable {
  readonly #descriptor: FileDescriptor;
  readonly #buffer: Uint8Array;
  readonly #handler: PacketHandler;
  #isOpen = true;

  /**
   * Takes the descriptor over, and what has come to it already is told at the next turn of the loop.
   * @param maxBytes of a packet
   * @throws {SyscallError}
   */
  constructor(descriptor: FileDescriptor, maxBytes: number, handler: PacketHandler) {
    this.#descriptor = descriptor;
    this.#buffer = new Uint8Array(maxBytes);
    this.#handler = handler;
    // Both belong to the open socket, which outlives this process: the last one to ask gets the signals.
    syscall("fcntl", "F_SETOWN", descriptor.number, F_SETOWN, process.pid);
    syscall("fcntl", "F_SETFL", descriptor.number, F_SETFL, O_NONBLOCK | O_ASYNC);
    if (!isListening) {
      process.on("SIGIO", lookAtAll);
      isListening = true;
    }
    open.add(this);
    setImmediate(() => this.look());
  }

  /** Takes what has come. A signal brings this about; it is for those who can't wait for one. */
  look(): void {
    for (let i = 0; this.#isOpen; i++) {
      if (i === PACKETS_PER_LOOK) {
        setImmediate(() => this.look());
        return;
      }
      const packet = receivePacket(this.#descriptor.number, this.#buffer);
      if (packet === -ERRNO.EAGAIN || packet === -ERRNO.EINTR) {
        return;
      }
      // Nothing is wanted of the other side but words.
      const descriptors = typeof packet === "number" ? [] : packet.descriptors;
      for (const descriptor of descriptors) {
        descriptor[Symbol.dispose]();
      }
      if (typeof packet === "number" || packet.bytes.length === 0) {
        this.#stop();
        this.#handler.end();
        return;
      }
      this.#handler.packet(packet.bytes, packet.isCut);
    }
  }

  /**
   * @param descriptors the other side gets duplicates
   * @throws {SyscallError} EAGAIN: the other side has not taken what was sent before; EPIPE, ECONNRESET: it is gone
   */
  send(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    const result = sendPacket(this.#descriptor.number, bytes, descriptors);
    if (result < 0) {
      throw new SyscallError("sendmsg", -result, "a packet");
    }
  }

  #stop(): void {
    this.#isOpen = false;
    open.delete(this);
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#descriptor[Symbol.dispose]();
  }
}
