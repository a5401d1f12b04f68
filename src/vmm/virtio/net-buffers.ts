/**
 * The buffers that a driver has for received frames, gathered for one read: a single one, or as many as the largest
 * frame may take where buffers are merged (virtio 1.2, 5.1.6.4). What a frame did not use serves the next one, and is
 * given back to the queue in the end.
 */
import { NET_HDR } from "../../kernel/abi/virtio-net.ts";
import { type IoVector, MAX_VECTORS } from "../../kernel/io/io-vector.ts";
import { VirtioFault } from "./fault.ts";
import type { DescriptorChain, Virtqueue } from "./queue.ts";
import { bytesIn, copyTo, type Segment } from "./segments.ts";

/** Where the rest goes of a frame that is longer than the buffers, which tells that it was. */
const OVERFLOW_BYTES = 64 * 1024;

/** In one buffer. Linux has at most 19. */
const MAX_BUFFER_SEGMENTS = 256;
/** With one more buffer, and a place for what is too much, they still go into one call. */
const ENOUGH_SEGMENTS = MAX_VECTORS - MAX_BUFFER_SEGMENTS - 1;

export interface NetBuffersOptions {
  readonly queue: Virtqueue;
  /** Whether one frame may take several buffers (VIRTIO_NET_F_MRG_RXBUF). */
  readonly isMerging: boolean;
  /** The largest frame that can come, with its header. */
  readonly largestBytes: number;
}

export class NetBuffers {
  readonly #queue: Virtqueue;
  readonly #isMerging: boolean;
  readonly #largestBytes: number;
  readonly #overflow = new Uint8Array(new ArrayBuffer(OVERFLOW_BYTES));
  readonly #count = new Uint8Array(2);
  #chains: DescriptorChain[] = [];
  #bytes = 0;
  #segments = 0;

  constructor({ queue, isMerging, largestBytes }: NetBuffersOptions) {
    this.#queue = queue;
    this.#isMerging = isMerging;
    this.#largestBytes = largestBytes;
  }

  /**
   * Has the vector point to buffers for one frame.
   * @returns false where there are too few; then the driver notifies when it has more
   * @throws {VirtioFault} @throws {GuestMemoryError}
   */
  gather(vector: IoVector): boolean {
    while (!this.#isEnough()) {
      const chain = this.#queue.pop();
      if (chain !== undefined) {
        this.#take(chain);
      } else if (!this.#queue.arm()) {
        return false;
      }
    }
    vector.clear();
    for (const { region, offset, length } of this.#all()) {
      vector.add(region.bytes, offset, length);
    }
    return vector.add(this.#overflow, 0, OVERFLOW_BYTES);
  }

  #isEnough(): boolean {
    if (!this.#isMerging) {
      return this.#chains.length > 0;
    }
    // A driver whose whole ring is less than the largest frame gets what fits.
    const isAll = this.#chains.length >= this.#queue.size;
    return this.#bytes >= this.#largestBytes || isAll || this.#segments >= ENOUGH_SEGMENTS;
  }

  #take(chain: DescriptorChain): void {
    const count = chain.writable.length;
    if (count === 0 || count > MAX_BUFFER_SEGMENTS) {
      throw new VirtioFault(`a receive buffer of ${count} writable descriptors`);
    }
    this.#chains.push(chain);
    this.#bytes += bytesIn(chain.writable);
    this.#segments += count;
  }

  #all(): Segment[] {
    return this.#chains.flatMap(({ writable }) => writable);
  }

  /** Gives the driver the frame of so many bytes that was read. @returns false where it did not fit: it is lost */
  deliver(length: number): boolean {
    if (length > this.#bytes) {
      return false;
    }
    const parts: number[] = [];
    for (let left = length; left > 0; left -= parts.at(-1) ?? left) {
      parts.push(Math.min(left, bytesIn(this.#chains[parts.length]?.writable ?? [])));
    }
    // Both bytes of num_buffers, which the TAP device leaves as they were (5.1.6.4.1).
    this.#count[0] = parts.length & 0xff;
    this.#count[1] = parts.length >> 8;
    copyTo(this.#all(), NET_HDR.offsets.num_buffers, this.#count);
    for (const [i, written] of parts.entries()) {
      const chain = this.#chains.shift();
      if (chain !== undefined) {
        this.#bytes -= bytesIn(chain.writable);
        this.#segments -= chain.writable.length;
        // The driver looks for all of them as soon as it sees the first.
        this.#queue.push(chain, written, i === parts.length - 1);
      }
    }
    return true;
  }

  /** What is left belongs to the driver again. */
  giveBack(): void {
    this.#queue.rewind(this.#chains.length);
    this.#chains = [];
    this.#bytes = 0;
    this.#segments = 0;
  }
}
