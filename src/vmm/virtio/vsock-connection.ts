/**
 * One connection between a port of the guest's and a Unix socket of the host's: what is owed to the guest, its credit
 * and ours (virtio 1.2, 5.10.6.3), and the bytes that the host has not taken yet, which are as many as we gave credit
 * for. It knows no queue: packets are handed to it, and asked of it.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import { SHUT_RD, SHUT_WR } from "../../kernel/abi/unix.ts";
import * as S from "../../kernel/abi/virtio-vsock.ts";
import { IoVector, MAX_VECTORS, readVector, writeVector } from "../../kernel/io/io-vector.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { syscallRaw } from "../../kernel/sys/syscall.ts";
import { addTo, bytesIn, copyFrom, type Segments, slice } from "./segments.ts";
import type { VsockHeader } from "./vsock-packet.ts";

/** What the guest may have on its way to the host, and we keep for a host that does not read. */
export const VSOCK_BUFFER_BYTES = 64 * 1024;
/** Payload of one packet, either way. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;
/** The guest is told of its credit when it may have run this low by what it was told last. */
const CREDIT_STEP_BYTES = VSOCK_BUFFER_BYTES / 4;
const BOTH = S.VIRTIO_VSOCK_SHUTDOWN_RCV | S.VIRTIO_VSOCK_SHUTDOWN_SEND;

/** What can be owed, in the order in which it is said. */
const OWED = [
  S.VIRTIO_VSOCK_OP_RST,
  S.VIRTIO_VSOCK_OP_REQUEST,
  S.VIRTIO_VSOCK_OP_RESPONSE,
  S.VIRTIO_VSOCK_OP_SHUTDOWN,
  S.VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  S.VIRTIO_VSOCK_OP_CREDIT_REQUEST,
] as const;

/** What is to be said to the guest: the rest of its header is the same for all packets of a connection. */
export interface VsockMessage {
  readonly op: number;
  readonly flags: number;
  readonly length: number;
}

const vector = new IoVector(MAX_VECTORS);

function vectorOf(segments: Segments): IoVector {
  vector.clear();
  addTo(vector, segments);
  return vector;
}

export class VsockConnection implements Disposable {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly socket: FileDescriptor;
  /** Open since the guest answered, or since the host's socket was there. */
  #isOpen: boolean;
  /** Nothing more is sent or taken but RST, or not even that. */
  #isDead = false;
  readonly #owed = new Set<number>();
  #shutdownFlags = 0;
  /** What the guest has shut down. */
  #guestShutdown = 0;
  /** Whether the socket may have something to read. */
  #isReadable = true;
  #isEnded = false;
  #isHungUp = false;
  /** All that the host took, and what the guest knows of that, modulo 2^32. */
  #forwardedBytes = 0;
  #toldBytes = 0;
  #guestBufferBytes = 0;
  #guestForwardedBytes = 0;
  #sentBytes = 0;
  #hasAskedForCredit = false;
  /** From the guest, and not taken by the host yet: from `#start` to `#end`. There only while there is any. */
  #pending: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** @param isFromHost the host asked for it, so the guest is asked; otherwise the guest did, and is answered */
  constructor(hostPort: number, guestPort: number, socket: FileDescriptor, isFromHost: boolean) {
    this.hostPort = hostPort;
    this.guestPort = guestPort;
    this.socket = socket;
    this.#isOpen = !isFromHost;
    this.#owed.add(isFromHost ? S.VIRTIO_VSOCK_OP_REQUEST : S.VIRTIO_VSOCK_OP_RESPONSE);
  }

  /** Whether the host's socket is of no more use. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether it is over: nothing is owed any more. */
  get isOver(): boolean {
    return this.#isDead && this.#owed.size === 0;
  }

  /** Whether `next` may have something to say. */
  get isTalking(): boolean {
    return this.#owed.size > 0 || this.#canRead;
  }

  get #canRead(): boolean {
    const isWanted = (this.#guestShutdown & S.VIRTIO_VSOCK_SHUTDOWN_RCV) === 0;
    return this.#isOpen && !this.#isDead && !this.#isEnded && this.#isReadable && isWanted;
  }

  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** The credit fields of a packet to the guest, which knows them then. */
  tellCredit(): Pick<VsockHeader, "bufferBytes" | "forwardedBytes"> {
    this.#toldBytes = this.#forwardedBytes;
    this.#owed.delete(S.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    return { bufferBytes: VSOCK_BUFFER_BYTES, forwardedBytes: this.#forwardedBytes };
  }

  /** It ends, and the guest is told so. */
  kill(): void {
    this.#isDead = true;
    this.#owed.clear();
    this.#owed.add(S.VIRTIO_VSOCK_OP_RST);
  }

  /** The socket can be read, or written, or the host has closed it, of which reading and writing tell. */
  wake(): void {
    this.#isReadable = true;
    this.#flush();
  }

  /** The credit that the guest gives with every packet. */
  takeCredit(header: Pick<VsockHeader, "bufferBytes" | "forwardedBytes">): void {
    this.#guestBufferBytes = header.bufferBytes;
    this.#guestForwardedBytes = header.forwardedBytes;
    this.#hasAskedForCredit = false;
  }

  /** Takes a packet of the guest's. @param payload what follows its header, `header.length` of it at most */
  take(header: VsockHeader, payload: Segments): void {
    if (this.#isDead) {
      return;
    }
    this.takeCredit(header);
    switch (header.op) {
      case S.VIRTIO_VSOCK_OP_RST:
        this.#isDead = true;
        this.#owed.clear();
        return;
      case S.VIRTIO_VSOCK_OP_RESPONSE:
        this.#open();
        return;
      case S.VIRTIO_VSOCK_OP_RW:
        this.#write(header.length, payload);
        return;
      case S.VIRTIO_VSOCK_OP_SHUTDOWN:
        this.#guestShutdown |= header.flags & BOTH;
        this.#followShutdown();
        return;
      case S.VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        this.#owed.add(S.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
        return;
      case S.VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        return;
      default:
        this.kill(); // a second request, or what is no operation
    }
  }

  /** The guest agreed: the host is told the port that it has, and may begin. */
  #open(): void {
    const line = new TextEncoder().encode(`OK ${this.hostPort}\n`);
    // SAFETY: the kernel reads the line until the call returns. Into an empty socket it goes whole.
    const count = this.#isOpen ? -1 : syscallRaw("write", this.socket.number, line, line.length);
    if (count !== line.length) {
      this.kill();
      return;
    }
    this.#isOpen = true;
  }

  #write(length: number, payload: Segments): void {
    const isAllowed = this.#isOpen && (this.#guestShutdown & S.VIRTIO_VSOCK_SHUTDOWN_SEND) === 0;
    const isInCredit = this.bufferedBytes + length <= VSOCK_BUFFER_BYTES;
    if (!isAllowed || !isInCredit || length > MAX_PAYLOAD_BYTES || bytesIn(payload) < length) {
      this.kill();
      return;
    }
    let written = 0;
    if (this.bufferedBytes === 0 && length > 0) {
      written = this.#forward(vectorOf(slice(payload, 0, length)));
    }
    if (!this.#isDead && written < length) {
      this.#keep(slice(payload, written, length - written), length - written);
    }
  }

  /** Writes to the host, as much as it takes. @returns how much that was; whoever is gone ends the connection */
  #forward(bytes: IoVector): number {
    const count = writeVector(this.socket.number, bytes);
    if (count < 0) {
      if (count !== -ERRNO.EAGAIN) {
        this.kill();
      }
      return 0;
    }
    this.#forwardedBytes = (this.#forwardedBytes + count) >>> 0;
    if ((this.#forwardedBytes - this.#toldBytes) >>> 0 >= CREDIT_STEP_BYTES) {
      this.#owed.add(S.VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    }
    return count;
  }

  #keep(segments: Segments, length: number): void {
    this.#pending ??= new Uint8Array(new ArrayBuffer(VSOCK_BUFFER_BYTES));
    if (this.#end + length > VSOCK_BUFFER_BYTES) {
      this.#pending.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    copyFrom(segments, 0, this.#pending.subarray(this.#end, this.#end + length));
    this.#end += length;
  }

  #flush(): void {
    if (this.#isDead || this.#pending === undefined) {
      return;
    }
    vector.clear();
    vector.add(this.#pending, this.#start, this.bufferedBytes);
    this.#start += this.#forward(vector);
    if (this.#start === this.#end) {
      this.#pending = undefined;
      this.#start = 0;
      this.#end = 0;
      this.#followShutdown();
    }
  }

  /** Does to the socket what the guest did to its side, once the host has all that came before. */
  #followShutdown(): void {
    if ((this.#guestShutdown & S.VIRTIO_VSOCK_SHUTDOWN_RCV) !== 0) {
      syscallRaw("shutdown", this.socket.number, SHUT_RD);
    }
    if ((this.#guestShutdown & S.VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0 && this.bufferedBytes === 0) {
      syscallRaw("shutdown", this.socket.number, SHUT_WR);
      if (this.#guestShutdown === BOTH) {
        this.kill(); // the answer to a whole shutdown (5.10.6.5)
      }
    }
  }

  /** What the guest can take, by what it said last. */
  get #creditBytes(): number {
    const inFlight = (this.#sentBytes - this.#guestForwardedBytes) >>> 0;
    return Math.max(0, this.#guestBufferBytes - inFlight);
  }

  /**
   * What there is to say to the guest next, if anything.
   * @param room where a payload goes, which is written only for a message with a length
   */
  next(room: Segments): VsockMessage | undefined {
    for (const op of OWED) {
      if (this.#owed.delete(op)) {
        const flags = op === S.VIRTIO_VSOCK_OP_SHUTDOWN ? this.#shutdownFlags : 0;
        return { op, flags, length: 0 };
      }
    }
    return this.#canRead ? this.#read(room) : undefined;
  }

  #read(room: Segments): VsockMessage | undefined {
    const credit = this.#creditBytes;
    if (credit === 0) {
      const isNew = !this.#hasAskedForCredit;
      this.#hasAskedForCredit = true;
      return isNew ? { op: S.VIRTIO_VSOCK_OP_CREDIT_REQUEST, flags: 0, length: 0 } : undefined;
    }
    const most = Math.min(credit, MAX_PAYLOAD_BYTES);
    const parts = slice(room, 0, most);
    const count =
      parts.length === 0 ? -ERRNO.EAGAIN : readVector(this.socket.number, vectorOf(parts));
    if (count > 0) {
      this.#sentBytes = (this.#sentBytes + count) >>> 0;
      return { op: S.VIRTIO_VSOCK_OP_RW, flags: 0, length: count };
    }
    this.#isReadable = false;
    if (count === -ERRNO.EAGAIN) {
      return undefined;
    }
    if (count < 0) {
      this.kill();
      return this.next(room);
    }
    // The host sends no more; whether it still reads, writing tells, or a hang-up.
    this.#isEnded = true;
    this.#shutdownFlags = this.#isHungUp ? BOTH : S.VIRTIO_VSOCK_SHUTDOWN_SEND;
    return { op: S.VIRTIO_VSOCK_OP_SHUTDOWN, flags: this.#shutdownFlags, length: 0 };
  }

  /** The host has closed its side for both directions; what it had sent before is still to be read. */
  hangUp(): void {
    this.#isHungUp = true;
    if (!this.#isOpen && !this.#isDead) {
      this.kill();
    } else if (this.#isEnded && !this.#isDead) {
      this.#shutdownFlags = BOTH;
      this.#owed.add(S.VIRTIO_VSOCK_OP_SHUTDOWN);
    }
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}
