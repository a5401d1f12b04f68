/**
 * The buffers that a driver has for received frames, ready for one read: a single one, or as many as the largest frame may
 * take where buffers are merged (virtio 1.2, 5.1.6.4). What a frame did not use serves the next one: a short frame costs
 * one buffer and no more.
 */
import { NET_HDR } from "../../kernel/abi/virtio-net.ts";
import { IoVector, MAX_VECTORS, readVector } from "../../kernel/io/io-vector.ts";
import type { DescriptorChain } from "./chain.ts";
import { VirtioFault } from "./fault.ts";
import type { Virtqueue } from "./queue.ts";
import { addTo, bytesIn, copyTo } from "./segments.ts";

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

interface Buffer {
  readonly chain: DescriptorChain;
  readonly byteLength: number;
}

export class NetBuffers {
  readonly #queue: Virtqueue;
  readonly #isMerging: boolean;
  readonly #largestBytes: number;
  readonly #overflow = new Uint8Array(new ArrayBuffer(OVERFLOW_BYTES));
  readonly #count = new Uint8Array(2);
  /** All of the buffers, one after the other. */
  readonly #vector = new IoVector(MAX_VECTORS);
  readonly #buffers: Buffer[] = [];

  constructor({ queue, isMerging, largestBytes }: NetBuffersOptions) {
    this.#queue = queue;
    this.#isMerging = isMerging;
    this.#largestBytes = largestBytes;
  }

  /**
   * Has enough of them for one frame, whatever its length.
   * @returns false where there are too few; then the driver notifies when it has more
   * @throws {VirtioFault} @throws {GuestMemoryError}
   */
  fill(): boolean {
    while (!this.#isEnough()) {
      const chain = this.#queue.pop();
      if (chain !== undefined) {
        this.#take(chain);
      } else if (!this.#queue.arm()) {
        return false;
      }
    }
    return true;
  }

  #isEnough(): boolean {
    if (!this.#isMerging) {
      return this.#buffers.length > 0;
    }
    // A driver whose whole ring is less than the largest frame gets what fits.
    const isAll = this.#buffers.length >= this.#queue.size;
    const { byteLength, count } = this.#vector;
    return byteLength >= this.#largestBytes || isAll || count >= ENOUGH_SEGMENTS;
  }

  #take(chain: DescriptorChain): void {
    const { writable } = chain;
    if (writable.length === 0 || writable.length > MAX_BUFFER_SEGMENTS) {
      throw new VirtioFault(`a receive buffer of ${writable.length} writable descriptors`);
    }
    addTo(this.#vector, writable);
    this.#buffers.push({ chain, byteLength: bytesIn(writable) });
  }

  /** Reads a frame into them. @returns its length with its header, which may be more than they hold; or -errno */
  read(fd: number): number {
    this.#vector.add(this.#overflow, 0, OVERFLOW_BYTES);
    const count = readVector(fd, this.#vector);
    this.#vector.dropLast(OVERFLOW_BYTES);
    return count;
  }

  /** Gives the driver the frame of so many bytes that was read. @returns false where it did not fit: it is lost */
  deliver(length: number): boolean {
    if (length > this.#vector.byteLength) {
      return false;
    }
    this.#writeCount(length);
    let left = length;
    for (let next = this.#buffers.shift(); next !== undefined; next = this.#buffers.shift()) {
      const { chain, byteLength } = next;
      const written = Math.min(left, byteLength);
      left -= written;
      this.#vector.dropFirst(chain.writable.length, byteLength);
      // The driver looks for all of them as soon as it sees the first.
      this.#queue.push(chain, written, left === 0);
      if (left === 0) {
        break;
      }
    }
    return true;
  }

  /** Both bytes of num_buffers, which the TAP device leaves as they were (5.1.6.4.1). */
  #writeCount(length: number): void {
    let needed = 0;
    for (let held = 0; held < length; needed++) {
      held += this.#buffers[needed]?.byteLength ?? length;
    }
    this.#count[0] = needed & 0xff;
    this.#count[1] = needed >> 8;
    const [first] = this.#buffers;
    const header =
      first !== undefined && first.byteLength >= NET_HDR.size
        ? first.chain.writable
        : this.#buffers.flatMap(({ chain }) => chain.writable);
    copyTo(header, NET_HDR.offsets.num_buffers, this.#count);
  }
}
