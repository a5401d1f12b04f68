/** Plays a guest with a driver of the socket device, and the host's programs at its Unix sockets. */
import { expect } from "bun:test";
import { SHUT_WR } from "../../src/kernel/abi/unix.ts";
import {
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
} from "../../src/kernel/abi/virtio-vsock.ts";
import { acceptUnix, connectUnix, listenUnix } from "../../src/kernel/net/unix-stream.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import { VsockDevice } from "../../src/vmm/virtio/vsock.ts";
import { VSOCK_BUFFER_BYTES } from "../../src/vmm/virtio/vsock-connection.ts";
import { readNow, writeNow } from "./socket-pair.ts";
import { VirtioGuest } from "./virtio-driver.ts";

export const GUEST_CID = 3;

export interface Packet {
  readonly op: number;
  readonly hostPort: number;
  readonly guestPort: number;
  readonly flags?: number;
  readonly data?: Uint8Array;
  readonly bufferBytes?: number;
  readonly forwarded?: number;
  readonly sourceCid?: number;
  readonly destinationCid?: number;
  readonly type?: number;
  readonly length?: number;
}

/** A guest's driver of the socket device. */
export class VsockGuest {
  /** Of the device's socket. */
  readonly path: string;
  readonly device: VsockDevice;
  readonly guest: VirtioGuest;
  readonly #cleanUp: DisposableStack;

  /** @param cleanUp closes everything in the end */
  constructor(path: string, cleanUp: DisposableStack, buffers = 64, bufferBytes = 4096) {
    this.path = path;
    this.#cleanUp = cleanUp;
    this.device = this.#cleanUp.use(
      new VsockDevice({
        guestCid: GUEST_CID,
        listener: listenUnix(this.path),
        connect: (port) => connectUnix(`${this.path}_${port}`),
      }),
    );
    this.guest = new VirtioGuest(this.device, { regionBytes: 16 << 20 }).start();
    this.post(buffers, bufferBytes);
  }

  post(buffers: number, bytes = 4096): void {
    for (let i = 0; i < buffers; i++) {
      this.guest.queue(0).add([], [bytes]);
    }
    this.guest.queue(0).kick();
  }

  send(...packets: readonly Packet[]): void {
    for (const packet of packets) {
      const { data = new Uint8Array(0) } = packet;
      const header = new Uint8Array(44);
      const view = new DataView(header.buffer);
      view.setBigUint64(0, BigInt(packet.sourceCid ?? GUEST_CID), true);
      view.setBigUint64(8, BigInt(packet.destinationCid ?? 2), true);
      view.setUint32(16, packet.guestPort, true);
      view.setUint32(20, packet.hostPort, true);
      view.setUint32(24, packet.length ?? data.length, true);
      view.setUint16(28, packet.type ?? 1, true);
      view.setUint16(30, packet.op, true);
      view.setUint32(32, packet.flags ?? 0, true);
      view.setUint32(36, packet.bufferBytes ?? 262_144, true);
      view.setUint32(40, packet.forwarded ?? 0, true);
      this.guest.queue(1).add(data.length === 0 ? [header] : [header, data], []);
    }
    this.guest.queue(1).kick();
    this.guest.queue(1).takeAll();
  }

  /** What the device said, each buffer given back. */
  receive(isReposted = true): (Required<Packet> & { readonly data: Buffer })[] {
    this.guest.pump();
    const packets = this.guest
      .queue(0)
      .takeAll()
      .map(({ buffers, written }) => {
        const bytes = Buffer.concat(buffers).subarray(0, written);
        return {
          sourceCid: Number(bytes.readBigUInt64LE(0)),
          destinationCid: Number(bytes.readBigUInt64LE(8)),
          hostPort: bytes.readUInt32LE(16),
          guestPort: bytes.readUInt32LE(20),
          length: bytes.readUInt32LE(24),
          type: bytes.readUInt16LE(28),
          op: bytes.readUInt16LE(30),
          flags: bytes.readUInt32LE(32),
          bufferBytes: bytes.readUInt32LE(36),
          forwarded: bytes.readUInt32LE(40),
          data: Buffer.from(bytes.subarray(44)),
        };
      });
    if (isReposted) {
      this.post(packets.length);
    }
    return packets;
  }

  /** A host's program listens for a port, and accepts. */
  listen(port: number): () => FileDescriptor {
    const listener = this.#cleanUp.use(listenUnix(`${this.path}_${port}`));
    return () => {
      const socket = acceptUnix(listener);
      expect(socket).toBeInstanceOf(FileDescriptor);
      return this.#cleanUp.use(socket as FileDescriptor);
    };
  }

  /** A host's program connects to the device. */
  connect(line?: string): FileDescriptor {
    const socket = connectUnix(this.path);
    expect(socket).toBeInstanceOf(FileDescriptor);
    if (line !== undefined) {
      writeNow(socket as FileDescriptor, Buffer.from(line));
    }
    return this.#cleanUp.use(socket as FileDescriptor);
  }

  /** A connection that the guest began. */
  outgoing(): { host: FileDescriptor; at: { hostPort: number; guestPort: number } } {
    const accept = this.listen(52);
    const at = { hostPort: 52, guestPort: 1000 };
    this.send({ op: VIRTIO_VSOCK_OP_REQUEST, ...at });
    expect(this.receive()).toMatchObject([
      { op: VIRTIO_VSOCK_OP_RESPONSE, ...at, bufferBytes: VSOCK_BUFFER_BYTES },
    ]);
    return { host: accept(), at };
  }

  /** A connection that the host began. */
  incoming(): { host: FileDescriptor; at: { hostPort: number; guestPort: number } } {
    const host = this.connect("CONNECT 77\n");
    const [request] = this.receive();
    expect(request).toMatchObject({
      op: VIRTIO_VSOCK_OP_REQUEST,
      guestPort: 77,
      sourceCid: 2,
      destinationCid: 3,
    });
    const at = { hostPort: request!.hostPort, guestPort: 77 };
    expect(readNow(host)).toBeUndefined();
    this.send({ op: VIRTIO_VSOCK_OP_RESPONSE, ...at });
    expect(readNow(host)?.toString()).toBe(`OK ${at.hostPort}\n`);
    return { host, at };
  }
}

/** shutdown(2) for writing, which node:fs does not have. */
export function shutWrites(fd: FileDescriptor): void {
  syscall("shutdown", "a test's socket", fd.number, SHUT_WR);
}

export const ops = (packets: readonly Packet[]): number[] => packets.map(({ op }) => op);
