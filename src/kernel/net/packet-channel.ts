/**
 * A packet socket of which a `SignalPoll` tells. Bun itself would read such a socket, too, but as a stream: packets that
 * came together would be one.
 */
import { ERRNO } from "../abi/errno.ts";
import type { SignalPoll } from "../io/signal-poll.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { receivePacket, sendPacket } from "./packet-socket.ts";

/** How many packets one look takes: whoever floods us must not keep the daemon from everything else. */
const PACKETS_PER_LOOK = 32;

export interface PacketHandler {
  /** @param bytes are good during the call only @param isCut whether more came than there is room for */
  packet(bytes: Uint8Array, isCut: boolean): void;
  /** Nobody holds the other side any more. */
  end(): void;
}

export class PacketChannel implements Disposable {
  readonly #descriptor: FileDescriptor;
  readonly #poll: SignalPoll;
  readonly #buffer: Uint8Array;
  readonly #handler: PacketHandler;
  #isOpen = true;

  /**
   * Takes the descriptor over, and what has come to it already is told at the next turn of the loop.
   * @param maxBytes of a packet
   * @throws {SyscallError}
   */
  constructor(
    descriptor: FileDescriptor,
    poll: SignalPoll,
    maxBytes: number,
    handler: PacketHandler,
  ) {
    this.#descriptor = descriptor;
    this.#poll = poll;
    this.#buffer = new Uint8Array(maxBytes);
    this.#handler = handler;
    // The signals belong to the open socket, which outlives this process: the last one to ask gets them.
    poll.add(descriptor.number, () => this.look());
    poll.setSignals(descriptor.number, true);
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
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#poll.removeShared(this.#descriptor.number);
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#descriptor[Symbol.dispose]();
  }
}
