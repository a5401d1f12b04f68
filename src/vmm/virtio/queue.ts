/**
 * The device's side of a split virtqueue (virtio 1.2, 2.7): takes descriptor chains out of the available ring and puts
 * them into the used ring, and knows when either side wants to be notified.
 *
 * Everything in the rings is written by the guest, at any time. So each value is read once and checked then, as in chains
 * (`chain.ts`); and whatever breaks a rule is a `VirtioFault`.
 * The rings are resolved once, when the queue becomes ready.
 */
import {
  VRING_AVAIL_ALIGN_SIZE,
  VRING_AVAIL_F_NO_INTERRUPT,
  VRING_DESC,
  VRING_DESC_ALIGN_SIZE,
  VRING_USED_ALIGN_SIZE,
  VRING_USED_ELEM,
  VRING_USED_F_NO_NOTIFY,
} from "../../kernel/abi/virtio.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { type DescriptorChain, type DescriptorTable, readChain } from "./chain.ts";
import { VirtioFault } from "./fault.ts";
import { fence } from "./fence.ts";
import { StateReader, type VersionedState } from "./state.ts";

/** The largest size of a queue (virtio 1.2, 2.7). */
export const MAX_QUEUE_SIZE = 32768;

const DESCRIPTOR_BYTES = VRING_DESC.size;
const USED_ELEMENT_BYTES = VRING_USED_ELEM.size;
/** Flags and index, which both rings begin with. */
const RING_HEAD_BYTES = 4;
const INDEX_OFFSET = 2;
const STATE_VERSION = 1;
const U32_MAX = 0xffff_ffff;
const U16_MAX = 0xffff;

/** The features that change how rings work. */
export interface RingFeatures {
  readonly hasEventIndex: boolean;
  readonly hasIndirect: boolean;
}

/** The addresses as the driver writes them, in halves. */
export interface RingAddresses {
  descLow: number;
  descHigh: number;
  availLow: number;
  availHigh: number;
  usedLow: number;
  usedHigh: number;
}

export type RingAddressHalf = keyof RingAddresses;

const HALVES: readonly RingAddressHalf[] = [
  "descLow",
  "descHigh",
  "availLow",
  "availHigh",
  "usedLow",
  "usedHigh",
];

interface Rings extends RingFeatures, DescriptorTable {
  readonly available: DataView;
  readonly used: DataView;
}

const ZERO: Readonly<RingAddresses> = {
  descLow: 0,
  descHigh: 0,
  availLow: 0,
  availHigh: 0,
  usedLow: 0,
  usedHigh: 0,
};

export class Virtqueue {
  /** The largest size that the driver may choose. */
  readonly maxSize: number;
  /** The size that the driver chose, unchecked until the queue becomes ready. */
  size: number;
  readonly addresses: RingAddresses = { ...ZERO };
  readonly #memory: GuestMemory;
  #rings: Rings | undefined;
  /** Index of the next entry of the available ring, modulo 2^16, as all of them. */
  #nextAvailable = 0;
  /** Chains that were popped, and are with the device: the last ones of all, since it pushes them in their order. */
  #taken = 0;
  /** The available ring's index when it was last looked at. */
  #seenAvailable = 0;
  #nextUsed = 0;
  /** `#nextUsed` when it was last decided whether to interrupt. */
  #decidedUsed = 0;

  constructor(memory: GuestMemory, maxSize: number) {
    if (!isQueueSize(maxSize)) {
      throw new RangeError(`a queue of ${maxSize}, which is no power of 2 up to ${MAX_QUEUE_SIZE}`);
    }
    this.#memory = memory;
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  get isReady(): boolean {
    return this.#rings !== undefined;
  }

  /** Resolves the rings. @throws {VirtioFault} on a bad size or alignment @throws {GuestMemoryError} */
  enable(features: RingFeatures): void {
    const { size, addresses } = this;
    if (!isQueueSize(size) || size > this.maxSize) {
      throw new VirtioFault(`queue size ${size} is not a power of 2 up to ${this.maxSize}`);
    }
    const view = (low: number, high: number, align: number, length: number): DataView => {
      const address = high * 2 ** 32 + low;
      if (low % align !== 0) {
        throw new VirtioFault(`a ring at 0x${address.toString(16)} is not aligned to ${align}`);
      }
      return this.#view(address, length);
    };
    const { descLow, descHigh, availLow, availHigh, usedLow, usedHigh } = addresses;
    // Both rings end with an index for events (2.7.6, 2.7.8), used or not.
    const availableBytes = RING_HEAD_BYTES + 2 * size + 2;
    const usedBytes = RING_HEAD_BYTES + USED_ELEMENT_BYTES * size + 2;
    this.#rings = {
      ...features,
      size,
      descriptors: view(descLow, descHigh, VRING_DESC_ALIGN_SIZE, DESCRIPTOR_BYTES * size),
      available: view(availLow, availHigh, VRING_AVAIL_ALIGN_SIZE, availableBytes),
      used: view(usedLow, usedHigh, VRING_USED_ALIGN_SIZE, usedBytes),
    };
  }

  /** The queue is as it was before the driver came. */
  reset(): void {
    this.#rings = undefined;
    this.size = this.maxSize;
    Object.assign(this.addresses, ZERO);
    this.#nextAvailable = 0;
    this.#taken = 0;
    this.#seenAvailable = 0;
    this.#nextUsed = 0;
    this.#decidedUsed = 0;
  }

  #view(address: number, length: number): DataView {
    const { start, bytes } = this.#memory.find(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset + address - start, length);
  }

  /**
   * Takes the next chain that the driver made available, if there is one.
   * @throws {VirtioFault} @throws {GuestMemoryError}
   */
  pop(): DescriptorChain | undefined {
    const rings = this.#rings;
    if (rings === undefined) {
      return undefined;
    }
    const index = rings.available.getUint16(INDEX_OFFSET, true);
    this.#seenAvailable = index;
    const waiting = (index - this.#nextAvailable) & U16_MAX;
    if (waiting === 0) {
      return undefined;
    }
    if (waiting > rings.size) {
      throw new VirtioFault(`${waiting} chains are available in a queue of ${rings.size}`);
    }
    const at = RING_HEAD_BYTES + 2 * (this.#nextAvailable % rings.size);
    const chain = readChain(this.#memory, rings, rings.available.getUint16(at, true));
    this.#nextAvailable = (this.#nextAvailable + 1) & U16_MAX;
    this.#taken += 1;
    return chain;
  }

  /** Gives the last chains back that were popped, and not pushed: they are popped again, in the same order. */
  rewind(count: number): void {
    this.#nextAvailable = (this.#nextAvailable - count) & U16_MAX;
    this.#taken -= count;
  }

  /**
   * Gives a chain back to the driver.
   * @param written bytes that the device wrote into it, from its first writable one on
   * @param isSeen whether the driver may see it now; otherwise with the next one that it may
   */
  push(chain: DescriptorChain, written: number, isSeen = true): void {
    const rings = this.#rings;
    if (rings === undefined) {
      return;
    }
    const at = RING_HEAD_BYTES + USED_ELEMENT_BYTES * (this.#nextUsed % rings.size);
    rings.used.setUint32(at, chain.head, true);
    rings.used.setUint32(at + 4, written, true);
    this.#nextUsed = (this.#nextUsed + 1) & U16_MAX;
    this.#taken -= 1;
    if (isSeen) {
      // x86 keeps the order of the stores: whoever sees the index sees the elements.
      rings.used.setUint16(INDEX_OFFSET, this.#nextUsed, true);
    }
  }

  /** Tells the driver that it need not notify: the queue is being looked at. Only a hint. */
  disarm(): void {
    if (this.#rings?.hasEventIndex === false) {
      this.#rings.used.setUint16(0, VRING_USED_F_NO_NOTIFY, true);
    }
  }

  /**
   * Asks the driver to notify of what it makes available from now on.
   * @returns whether something came since the last look, of which no notification will tell
   */
  arm(): boolean {
    const rings = this.#rings;
    if (rings === undefined) {
      return false;
    }
    if (rings.hasEventIndex) {
      const at = RING_HEAD_BYTES + USED_ELEMENT_BYTES * rings.size;
      rings.used.setUint16(at, this.#seenAvailable, true);
    } else {
      rings.used.setUint16(0, 0, true);
    }
    fence();
    return rings.available.getUint16(INDEX_OFFSET, true) !== this.#seenAvailable;
  }

  /**
   * Hands every available chain to `handle`, which pushes it and answers true. Where it answers false, it could not
   * take it now: the chain is given back, and this ends; whoever knows when it can be taken calls again.
   * @returns whether the bound of one call was reached: there may be more, of which no notification will tell
   * @throws {VirtioFault} @throws {GuestMemoryError}
   */
  consume(handle: (chain: DescriptorChain) => boolean): boolean {
    let budget = this.maxSize;
    this.disarm();
    do {
      for (let chain = this.pop(); chain !== undefined; chain = this.pop()) {
        if (!handle(chain)) {
          this.rewind(1);
          return false;
        }
        budget -= 1;
        if (budget === 0) {
          return true;
        }
      }
    } while (this.arm());
    return false;
  }

  /**
   * The same for a device that can take every chain at once.
   * @param serve answers with how many bytes it wrote into the chain
   */
  serve(serve: (chain: DescriptorChain) => number): boolean {
    return this.consume((chain) => {
      this.push(chain, serve(chain));
      return true;
    });
  }

  /** Whether the driver wants an interrupt for what was pushed since the last time this was asked (2.7.7, 2.7.10). */
  takeInterrupt(): boolean {
    const rings = this.#rings;
    const [now, before] = [this.#nextUsed, this.#decidedUsed];
    if (rings === undefined || now === before) {
      return false;
    }
    this.#decidedUsed = now;
    fence();
    if (!rings.hasEventIndex) {
      return (rings.available.getUint16(0, true) & VRING_AVAIL_F_NO_INTERRUPT) === 0;
    }
    const event = rings.available.getUint16(RING_HEAD_BYTES + 2 * rings.size, true);
    return ((now - event - 1) & U16_MAX) < ((now - before) & U16_MAX);
  }

  /** What the device has taken is there to be taken again. */
  save(): VersionedState {
    return {
      version: STATE_VERSION,
      size: this.size,
      isReady: this.isReady,
      ...this.addresses,
      nextAvailable: (this.#nextAvailable - this.#taken) & U16_MAX,
      nextUsed: this.#nextUsed,
    };
  }

  /** @throws {StateError} @throws {VirtioFault} on rings that can't be @throws {GuestMemoryError} */
  restore(state: unknown, features: RingFeatures): void {
    const reader = new StateReader("a virtqueue", state, STATE_VERSION);
    this.reset();
    this.size = reader.number("size", U32_MAX);
    for (const half of HALVES) {
      this.addresses[half] = reader.number(half, U32_MAX);
    }
    this.#nextAvailable = reader.number("nextAvailable", U16_MAX);
    this.#seenAvailable = this.#nextAvailable;
    this.#nextUsed = reader.number("nextUsed", U16_MAX);
    this.#decidedUsed = this.#nextUsed;
    if (reader.boolean("isReady")) {
      this.enable(features);
    }
  }
}

function isQueueSize(size: number): boolean {
  return size > 0 && size <= MAX_QUEUE_SIZE && (size & (size - 1)) === 0;
}
