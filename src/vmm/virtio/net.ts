/**
 * The network device (virtio 1.2, 5.1), one pair of queues, over a TAP device: frames go between its descriptor and the
 * guest's memory without a copy here, each with the header that both sides share. What the guest can do itself
 * (checksums, segments put together) the TAP device leaves to it, as negotiated.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import * as T from "../../kernel/abi/if-tun.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import * as N from "../../kernel/abi/virtio-net.ts";
import { VIRTIO_ID_NET } from "../../kernel/abi/virtio.ts";
import { IoVector, MAX_VECTORS, writeVector } from "../../kernel/io/io-vector.ts";
import type { DescriptorChain } from "./chain.ts";
import {
  type DeviceContext,
  type Features,
  featuresOf,
  hasFeature,
  type VirtioDevice,
  type Wait,
} from "./device.ts";
import { NetBuffers } from "./net-buffers.ts";
import type { Virtqueue } from "./queue.ts";
import { addTo, bytesIn } from "./segments.ts";
import { StateReader, type VersionedState } from "./state.ts";

const QUEUE_SIZE = 256;
const STATE_VERSION = 1;
const RECEIVE = 0;
const TRANSMIT = 1;
const HEADER_BYTES = N.NET_HDR.size;
const MAC_BYTES = 6;
const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const DEFAULT_MTU = 1500;
/** A frame that the other side is to segment, with its header (5.1.6.3.1). */
const MAX_GSO_BYTES = 65_550 + HEADER_BYTES;
/** Received by one call, so that other devices have their turn. */
const MAX_FRAMES = 64;
/** `struct virtio_net_config` up to its MTU. */
const CONFIG_BYTES = 12;
const CONFIG_STATUS = 6;
const CONFIG_PAIRS = 8;
const CONFIG_MTU = 10;

/** The offloads of the TAP device, and the features by which a guest takes them. */
const OFFLOADS: readonly (readonly [feature: number, flag: number])[] = [
  [N.VIRTIO_NET_F_GUEST_CSUM, T.TUN_F_CSUM],
  [N.VIRTIO_NET_F_GUEST_TSO4, T.TUN_F_TSO4],
  [N.VIRTIO_NET_F_GUEST_TSO6, T.TUN_F_TSO6],
  [N.VIRTIO_NET_F_GUEST_ECN, T.TUN_F_TSO_ECN],
];

/** A feature, and those of which it needs one (5.1.3.1). */
const NEEDS: readonly (readonly [feature: number, oneOf: readonly number[]])[] = [
  [N.VIRTIO_NET_F_GUEST_TSO4, [N.VIRTIO_NET_F_GUEST_CSUM]],
  [N.VIRTIO_NET_F_GUEST_TSO6, [N.VIRTIO_NET_F_GUEST_CSUM]],
  [N.VIRTIO_NET_F_GUEST_ECN, [N.VIRTIO_NET_F_GUEST_TSO4, N.VIRTIO_NET_F_GUEST_TSO6]],
  [N.VIRTIO_NET_F_HOST_TSO4, [N.VIRTIO_NET_F_CSUM]],
  [N.VIRTIO_NET_F_HOST_TSO6, [N.VIRTIO_NET_F_CSUM]],
  [N.VIRTIO_NET_F_HOST_ECN, [N.VIRTIO_NET_F_HOST_TSO4, N.VIRTIO_NET_F_HOST_TSO6]],
];

/** The host's port (`Tap`), whose descriptor does not block. */
export interface NetPort {
  readonly fd: number;
  /** @returns 0, or -errno */
  setOffloads(flags: number): number;
}

export interface NetOptions {
  readonly port: NetPort;
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** What the guest is told; 1,500 by default. */
  readonly mtu?: number;
}

export interface NetCounters {
  receivedFrames: number;
  /** Received, and too long for the guest's buffers. */
  receiveDrops: number;
  sentFrames: number;
  /** Sent by the guest, and refused. */
  sendDrops: number;
}

export class NetDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_NET;
  readonly name = "network";
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly features: Features;
  readonly config: Uint8Array;
  readonly counters: NetCounters = {
    receivedFrames: 0,
    receiveDrops: 0,
    sentFrames: 0,
    sendDrops: 0,
  };
  readonly #port: NetPort;
  readonly #mtu: number;
  /** Of a frame that is sent. */
  readonly #vector = new IoVector(MAX_VECTORS);
  #buffers: NetBuffers | undefined;
  #transmit: Virtqueue | undefined;
  #hasBuffers = true;
  #isPortFull = false;
  #isPortGone = false;

  constructor({ port, mac, mtu = DEFAULT_MTU }: NetOptions) {
    if (mac.length !== MAC_BYTES) {
      throw new RangeError(`a MAC address of ${mac.length} bytes`);
    }
    this.#port = port;
    this.#mtu = mtu;
    const hasOffloads =
      port.setOffloads(OFFLOADS.reduce((flags, [, flag]) => flags | flag, 0)) === 0;
    port.setOffloads(0);
    this.features = featuresOf([
      ...[N.VIRTIO_NET_F_MAC, N.VIRTIO_NET_F_STATUS, N.VIRTIO_NET_F_MTU, N.VIRTIO_NET_F_MRG_RXBUF],
      ...[N.VIRTIO_NET_F_CSUM, N.VIRTIO_NET_F_HOST_TSO4, N.VIRTIO_NET_F_HOST_TSO6],
      N.VIRTIO_NET_F_HOST_ECN,
      ...(hasOffloads ? OFFLOADS.map(([feature]) => feature) : []),
    ]);
    this.config = configOf(mac, mtu);
  }

  accepts(features: Features): boolean {
    return NEEDS.every(
      ([feature, oneOf]) =>
        !hasFeature(features, feature) || oneOf.some((other) => hasFeature(features, other)),
    );
  }

  activate({ queues, features }: DeviceContext): void {
    const has = (feature: number): boolean => hasFeature(features, feature);
    const offloads = OFFLOADS.reduce((flags, [bit, flag]) => flags | (has(bit) ? flag : 0), 0);
    this.#port.setOffloads(offloads);
    const isSegmented = (offloads & (T.TUN_F_TSO4 | T.TUN_F_TSO6)) !== 0;
    const frameBytes = HEADER_BYTES + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + this.#mtu;
    const [receive] = queues;
    this.#buffers =
      receive === undefined
        ? undefined
        : new NetBuffers({
            queue: receive,
            isMerging: has(N.VIRTIO_NET_F_MRG_RXBUF),
            largestBytes: isSegmented ? Math.max(MAX_GSO_BYTES, frameBytes) : frameBytes,
          });
    this.#transmit = queues[TRANSMIT];
    this.#hasBuffers = true;
  }

  reset(): void {
    this.#port.setOffloads(0);
    this.#buffers = undefined;
    this.#transmit = undefined;
    this.#isPortFull = false;
  }

  drain(index: number): boolean {
    if (index === TRANSMIT) {
      return this.#send();
    }
    this.#hasBuffers = true;
    return index === RECEIVE && this.#receive();
  }

  /** The port is polled for frames only while there is room for one, or polling would only turn. */
  waits(): readonly Wait[] {
    const events = (this.#hasBuffers ? POLLIN : 0) | (this.#isPortFull ? POLLOUT : 0);
    return events === 0 || this.#isPortGone ? [] : [{ fd: this.#port.fd, events }];
  }

  ready(): boolean {
    const isMore = this.#isPortFull && this.#send();
    return this.#receive() || isMore;
  }

  #receive(): boolean {
    const buffers = this.#buffers;
    if (buffers === undefined) {
      return false;
    }
    for (let frames = 0; frames < MAX_FRAMES; frames++) {
      if (!buffers.fill()) {
        this.#hasBuffers = false; // the driver tells when it has more
        return false;
      }
      const count = buffers.read(this.#port.fd);
      if (count <= 0) {
        this.#isPortGone = count !== -ERRNO.EAGAIN;
        return false;
      }
      const isTaken = count >= HEADER_BYTES && buffers.deliver(count);
      this.counters[isTaken ? "receivedFrames" : "receiveDrops"] += 1;
    }
    return true;
  }

  #send(): boolean {
    const queue = this.#transmit;
    this.#isPortFull = false;
    return queue?.consume((chain) => this.#sendChain(queue, chain)) ?? false;
  }

  /** The kernel checks the header, and copies the frame before it looks at it. @returns whether it is done with */
  #sendChain(queue: Virtqueue, chain: DescriptorChain): boolean {
    const length = bytesIn(chain.readable);
    let count = -ERRNO.EINVAL;
    if (length > HEADER_BYTES && length <= MAX_GSO_BYTES + VLAN_TAG_BYTES) {
      this.#vector.clear();
      const isWhole = addTo(this.#vector, chain.readable);
      count = isWhole ? writeVector(this.#port.fd, this.#vector) : count;
    }
    if (count === -ERRNO.EAGAIN) {
      this.#isPortFull = true;
      return false;
    }
    this.counters[count < 0 ? "sendDrops" : "sentFrames"] += 1;
    queue.push(chain, 0);
    return true;
  }

  /** Nothing: frames on their way are in the queues, or in the port, whose frames a restored guest does not miss. */
  save(): VersionedState {
    return { version: STATE_VERSION };
  }

  restore(state: unknown): void {
    new StateReader("network device", state, STATE_VERSION);
    this.#isPortFull = true; // what waits to be sent is sent when the port says that it has room
  }
}

function configOf(mac: Uint8Array, mtu: number): Uint8Array {
  const config = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(config.buffer);
  config.set(mac);
  view.setUint16(CONFIG_STATUS, N.VIRTIO_NET_S_LINK_UP, true);
  view.setUint16(CONFIG_PAIRS, 1, true);
  view.setUint16(CONFIG_MTU, mtu, true);
  return config;
}
