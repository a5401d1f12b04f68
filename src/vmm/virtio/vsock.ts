/**
 * The socket device (virtio 1.2, 5.10), whose host's side are Unix sockets, as with Firecracker: a program of the host
 * connects to the one socket, says `CONNECT <port>\n`, and hears `OK <port>\n` when the guest has accepted; a program of
 * the guest that connects to port P of the host reaches whoever listens at that socket's path with `_P` after it.
 *
 * All sockets are in one `EdgePoll`, whose descriptor is the only one to wait for. Connections, handshakes, buffers and
 * replies are bounded, and a guest that takes no replies is not listened to.
 */
import { EPOLLERR, EPOLLHUP } from "../../kernel/abi/wait.ts";
import { POLLIN } from "../../kernel/abi/poll.ts";
import * as S from "../../kernel/abi/virtio-vsock.ts";
import { VIRTIO_ID_VSOCK } from "../../kernel/abi/virtio.ts";
import { EdgePoll } from "../../kernel/io/edge-poll.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import type { DescriptorChain } from "./chain.ts";
import type { DeviceContext, VirtioDevice, Wait } from "./device.ts";
import { VirtioFault } from "./fault.ts";
import type { Virtqueue } from "./queue.ts";
import { bytesIn, copyTo, type Segments, slice } from "./segments.ts";
import { StateReader, bigintText, type VersionedState } from "./state.ts";
import { VsockConnection, type VsockMessage } from "./vsock-connection.ts";
import { VsockHandshakes } from "./vsock-handshakes.ts";
import { readVsockHeader, type VsockHeader, writeVsockHeader } from "./vsock-packet.ts";

const QUEUE_SIZE = 128;
const STATE_VERSION = 1;
const RECEIVE = 0;
const TRANSMIT = 1;
const EVENT = 2;
const HOST_CID = BigInt(S.VMADDR_CID_HOST);
const EVENT_BYTES = 4;
export const MAX_CONNECTIONS = 512;
/** Replies to packets of no connection, which wait for the guest to take them. */
const MAX_RESETS = 256;
/** To the guest, by one call, so that other devices have their turn. */
const MAX_PACKETS = 128;
/** Ports of the host's side, for connections that it began. */
const FIRST_HOST_PORT = 2 ** 30;
const LAST_HOST_PORT = 2 ** 31 - 1;

export interface VsockOptions {
  /** The guest's address: 3 or more, below 2^32 - 1. */
  readonly guestCid: number;
  /** Listens at the device's path (`listenUnix`). It is taken over. */
  readonly listener: FileDescriptor;
  /** Connects to who listens for a port, or answers -errno: `connectUnix` of the path with `_<port>`. */
  readonly connect: (port: number) => FileDescriptor | number;
}

interface Reset {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly type: number;
}

export class VsockDevice implements VirtioDevice, Disposable {
  readonly id = VIRTIO_ID_VSOCK;
  readonly name = "vsock";
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE];
  readonly features = 0n;
  readonly config = new Uint8Array(8);
  readonly #guestCid: bigint;
  readonly #connect: VsockOptions["connect"];
  readonly #poll: EdgePoll;
  readonly #handshakes: VsockHandshakes;
  readonly #connections = new Map<string, VsockConnection>();
  readonly #bySocket = new Map<number, VsockConnection>();
  /** Those that may have something to say, in the order of their turns. */
  readonly #talking = new Set<VsockConnection>();
  readonly #resets: Reset[] = [];
  #queues: readonly Virtqueue[] = [];
  #nextHostPort = FIRST_HOST_PORT;
  /** The guest's packets wait, since its replies do. */
  #isBlocked = false;
  /** The guest is to be told that its connections are gone: after a restore (5.10.6.7). */
  #isToldOfReset = true;

  constructor({ guestCid, listener, connect }: VsockOptions) {
    if (!Number.isInteger(guestCid) || guestCid <= S.VMADDR_CID_HOST || guestCid >= 2 ** 32 - 1) {
      throw new RangeError(`${guestCid} is no address for a guest, which are 3 to 4294967294`);
    }
    this.#guestCid = BigInt(guestCid);
    this.#connect = connect;
    this.#poll = new EdgePoll();
    new DataView(this.config.buffer).setBigUint64(0, this.#guestCid, true);
    this.#handshakes = new VsockHandshakes(listener, this.#poll, (socket, port) =>
      this.#begin(socket, port),
    );
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  activate({ queues }: DeviceContext): void {
    this.#queues = queues;
  }

  reset(): void {
    this.#queues = [];
    this.#handshakes.clear();
    for (const connection of this.#connections.values()) {
      connection[Symbol.dispose]();
    }
    this.#connections.clear();
    this.#bySocket.clear();
    this.#talking.clear();
    this.#resets.length = 0;
    this.#isBlocked = false;
  }

  waits(): readonly Wait[] {
    return [{ fd: this.#poll.fd, events: POLLIN }];
  }

  drain(index: number): boolean {
    if (index === EVENT) {
      this.#tellOfReset();
      return false;
    }
    const isMore = this.#deliver();
    const isUnblocked = this.#isBlocked && this.#resets.length < MAX_RESETS;
    if (index !== TRANSMIT && !isUnblocked) {
      return isMore;
    }
    const isMoreSent = this.#takePackets();
    return this.#deliver() || isMore || isMoreSent;
  }

  ready(): boolean {
    const isMore = this.#poll.take((fd, events) => {
      const connection = this.#bySocket.get(fd);
      if (connection === undefined) {
        this.#handshakes.ready(fd);
        return;
      }
      if ((events & (EPOLLHUP | EPOLLERR)) !== 0) {
        connection.hangUp();
      }
      connection.wake();
      this.#settle(connection);
    });
    const isMoreAccepted = this.#handshakes.accept(MAX_CONNECTIONS - this.#connections.size);
    return this.#deliver() || isMore || isMoreAccepted;
  }

  /** A program of the host's wants a port of the guest's. */
  #begin(socket: FileDescriptor, guestPort: number): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      socket[Symbol.dispose]();
      return;
    }
    let hostPort = this.#nextHostPort;
    // There are more ports than connections, so one is free.
    while (this.#connections.has(keyOf(hostPort, guestPort))) {
      hostPort = hostPort === LAST_HOST_PORT ? FIRST_HOST_PORT : hostPort + 1;
    }
    this.#nextHostPort = hostPort === LAST_HOST_PORT ? FIRST_HOST_PORT : hostPort + 1;
    this.#add(new VsockConnection(hostPort, guestPort, socket, true));
  }

  #add(connection: VsockConnection): void {
    this.#connections.set(keyOf(connection.hostPort, connection.guestPort), connection);
    this.#bySocket.set(connection.socket.number, connection);
    this.#settle(connection);
  }

  /** After anything happened to a connection. */
  #settle(connection: VsockConnection): void {
    if (connection.isDead && !connection.socket.isClosed) {
      this.#bySocket.delete(connection.socket.number);
      connection[Symbol.dispose]();
    }
    if (connection.isOver) {
      this.#talking.delete(connection);
      this.#connections.delete(keyOf(connection.hostPort, connection.guestPort));
    } else if (connection.isTalking) {
      this.#talking.add(connection);
    } else {
      this.#talking.delete(connection);
    }
  }

  /** Takes what the guest sends, unless it leaves our replies lying. */
  #takePackets(): boolean {
    const queue = this.#queues[TRANSMIT];
    this.#isBlocked = false;
    return (
      queue?.consume((chain) => {
        if (this.#resets.length >= MAX_RESETS) {
          this.#isBlocked = true;
          return false;
        }
        this.#takePacket(chain);
        queue.push(chain, 0);
        return true;
      }) ?? false
    );
  }

  #takePacket({ readable }: DescriptorChain): void {
    const header = readVsockHeader(readable);
    const isForUs = header?.sourceCid === this.#guestCid && header.destinationCid === HOST_CID;
    if (header === undefined || !isForUs) {
      return; // from nobody, or for nobody that we know
    }
    const isStream = header.type === S.VIRTIO_VSOCK_TYPE_STREAM;
    const key = keyOf(header.destinationPort, header.sourcePort);
    const connection = isStream ? this.#connections.get(key) : undefined;
    if (connection !== undefined) {
      connection.take(header, slice(readable, S.VSOCK_HDR_BYTES, header.length));
      this.#settle(connection);
    } else if (isStream && header.op === S.VIRTIO_VSOCK_OP_REQUEST) {
      this.#answerRequest(header);
    } else {
      this.#refuse(header);
    }
  }

  /** A program of the guest's wants a port of the host's. */
  #answerRequest(header: VsockHeader): void {
    const hasRoom = this.#connections.size < MAX_CONNECTIONS;
    const socket = hasRoom ? this.#connect(header.destinationPort) : -1;
    if (typeof socket === "number") {
      this.#refuse(header);
      return;
    }
    this.#poll.add(socket.number);
    const connection = new VsockConnection(
      header.destinationPort,
      header.sourcePort,
      socket,
      false,
    );
    connection.takeCredit(header);
    this.#add(connection);
  }

  /** What belongs to no connection is answered by a reset, but for a reset (5.10.6.4). */
  #refuse({ op, type, destinationPort, sourcePort }: VsockHeader): void {
    if (op !== S.VIRTIO_VSOCK_OP_RST) {
      this.#resets.push({ hostPort: destinationPort, guestPort: sourcePort, type });
    }
  }

  /** Hands the guest what there is to say, for as long as it has buffers. */
  #deliver(): boolean {
    const queue = this.#queues[RECEIVE];
    if (queue === undefined) {
      return false;
    }
    for (let packets = 0; packets < MAX_PACKETS; packets++) {
      if (this.#resets.length === 0 && this.#talking.size === 0) {
        return false;
      }
      const chain = queue.pop();
      if (chain === undefined) {
        if (!queue.arm()) {
          return false; // the driver tells when it has more
        }
        continue;
      }
      const roomBytes = bytesIn(chain.writable) - S.VSOCK_HDR_BYTES;
      if (roomBytes < 0) {
        throw new VirtioFault("a receive buffer without room for a header");
      }
      const written = this.#say(chain.writable, roomBytes);
      if (written === 0) {
        queue.rewind(1);
      } else {
        queue.push(chain, written);
      }
    }
    return true;
  }

  /** Writes the next packet for the guest. @returns its bytes, or 0 where there is none after all */
  #say(writable: Segments, roomBytes: number): number {
    const reset = this.#resets.shift();
    if (reset !== undefined) {
      const { hostPort, guestPort, type } = reset;
      const message = { op: S.VIRTIO_VSOCK_OP_RST, flags: 0, length: 0 };
      const credit = { bufferBytes: 0, forwardedBytes: 0 };
      writeVsockHeader(writable, {
        ...this.#headerOf(hostPort, guestPort, message),
        ...credit,
        type,
      });
      return S.VSOCK_HDR_BYTES;
    }
    const room = slice(writable, S.VSOCK_HDR_BYTES, roomBytes);
    for (const connection of this.#talking) {
      const { hostPort, guestPort } = connection;
      const message = connection.next(room);
      this.#talking.delete(connection);
      if (message !== undefined) {
        const credit = connection.tellCredit();
        this.#settle(connection); // and to the end of the line
        writeVsockHeader(writable, { ...this.#headerOf(hostPort, guestPort, message), ...credit });
        return S.VSOCK_HDR_BYTES + message.length;
      }
    }
    return 0;
  }

  #headerOf(
    hostPort: number,
    guestPort: number,
    { op, flags, length }: VsockMessage,
  ): Omit<VsockHeader, "bufferBytes" | "forwardedBytes"> {
    return {
      sourceCid: HOST_CID,
      destinationCid: this.#guestCid,
      sourcePort: hostPort,
      destinationPort: guestPort,
      type: S.VIRTIO_VSOCK_TYPE_STREAM,
      ...{ op, flags, length },
    };
  }

  #tellOfReset(): void {
    const queue = this.#queues[EVENT];
    if (this.#isToldOfReset || queue === undefined) {
      return;
    }
    const chain = queue.pop();
    if (chain === undefined) {
      queue.arm();
      return;
    }
    const event = new Uint8Array(EVENT_BYTES).fill(S.VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
    queue.push(chain, copyTo(chain.writable, 0, event));
    this.#isToldOfReset = true;
  }

  /** Connections do not outlive a snapshot: the guest is told so when it is restored. */
  save(): VersionedState {
    return { version: STATE_VERSION, guestCid: bigintText(this.#guestCid) };
  }

  /** The guest's address may be another than it was: the driver reads it anew once it is told (5.10.6.7). */
  restore(state: unknown): void {
    const reader = new StateReader("vsock device", state, STATE_VERSION);
    reader.bigint("guestCid");
    this.#isToldOfReset = false;
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#handshakes[Symbol.dispose]();
    this.#poll[Symbol.dispose]();
  }
}

function keyOf(hostPort: number, guestPort: number): string {
  return `${hostPort}:${guestPort}`;
}
