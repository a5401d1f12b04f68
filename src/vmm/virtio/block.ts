/**
 * The block device (virtio 1.2, 5.2): reads, writes, flushes, discards and zeroes a disk that is a file. Data goes
 * between the file and the guest's memory by preadv(2) and pwritev(2), without a copy here.
 *
 * What fails, for whatever reason, ends in the request's status byte; a request that has no place for one is given
 * back without. Requests are done one after the other, in the thread that calls.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import * as V from "../../kernel/abi/virtio-blk.ts";
import { VIRTIO_ID_BLOCK } from "../../kernel/abi/virtio.ts";
import { IoVector, MAX_VECTORS } from "../../kernel/io/io-vector.ts";
import type { DescriptorChain } from "./chain.ts";
import {
  type DeviceContext,
  type Features,
  featuresOf,
  hasFeature,
  type VirtioDevice,
} from "./device.ts";
import type { Virtqueue } from "./queue.ts";
import { addTo, bytesIn, copyFrom, copyTo, type Segments, slice } from "./segments.ts";
import { StateReader, type VersionedState } from "./state.ts";

const SECTOR_BYTES = 512;
const QUEUE_SIZE = 256;
const STATE_VERSION = 1;
/** All of the queue, but for a request's header and its status. */
const MAX_SEGMENTS = QUEUE_SIZE - 2;
const MAX_SEGMENT_BYTES = 64 * 1024;
/** The data of one request, as the driver is told by the two numbers above. */
export const MAX_REQUEST_BYTES = MAX_SEGMENTS * MAX_SEGMENT_BYTES;
/** Ranges of one discard or write zeroes. */
const MAX_RANGES = 32;
const MAX_DISCARD_SECTORS = 4 * 1024 * 1024;
/** Less, since a file system that can't do it has them written. */
const MAX_ZEROES_SECTORS = 32 * 1024;

/** What the disk is stored in (`RawFile`). Numbers below 0 are -errno. */
export interface BlockStorage {
  readonly sizeBytes: number;
  read(vector: IoVector, position: number): number;
  write(vector: IoVector, position: number): number;
  flush(): number;
  discard(position: number, length: number): number;
  zero(position: number, length: number, mayDiscard: boolean): number;
}

export interface BlockOptions {
  readonly storage: BlockStorage;
  readonly isReadOnly: boolean;
  /** What the guest finds it by, in ASCII: the first 20 bytes are taken. */
  readonly serial: string;
}

/** How a request ended: its status, and how much of its data was written for the driver. */
interface Outcome {
  readonly status: number;
  readonly writtenBytes: number;
}

const OK: Outcome = { status: V.VIRTIO_BLK_S_OK, writtenBytes: 0 };
const IO_ERROR: Outcome = { status: V.VIRTIO_BLK_S_IOERR, writtenBytes: 0 };
const UNSUPPORTED: Outcome = { status: V.VIRTIO_BLK_S_UNSUPP, writtenBytes: 0 };

function outcomeOf(result: number): Outcome {
  if (result >= 0) {
    return OK;
  }
  return result === -ERRNO.EOPNOTSUPP ? UNSUPPORTED : IO_ERROR;
}

/** A place on the disk, in sectors. Those beyond 2^53 are not exact, and beyond every disk. */
interface Range {
  readonly sector: number;
  readonly sectors: number;
  readonly flags: number;
}

export class BlockDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_BLOCK;
  readonly name = "block";
  readonly queueSizes = [QUEUE_SIZE];
  readonly features: Features;
  readonly config: Uint8Array;
  readonly #storage: BlockStorage;
  readonly #isReadOnly: boolean;
  readonly #serial = new Uint8Array(V.VIRTIO_BLK_ID_BYTES);
  readonly #capacitySectors: number;
  readonly #vector = new IoVector(MAX_VECTORS);
  readonly #header = new Uint8Array(V.BLK_OUTHDR.size);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #status = new Uint8Array(1);
  #queue: Virtqueue | undefined;
  /** Without a flush command there is no cache that may be written back later (5.2.5.2). */
  #isWriteThrough = false;

  constructor({ storage, isReadOnly, serial }: BlockOptions) {
    this.#storage = storage;
    this.#isReadOnly = isReadOnly;
    this.#serial.set(new TextEncoder().encode(serial).subarray(0, V.VIRTIO_BLK_ID_BYTES));
    this.#capacitySectors = Math.floor(storage.sizeBytes / SECTOR_BYTES);
    this.features = featuresOf([
      V.VIRTIO_BLK_F_SIZE_MAX,
      V.VIRTIO_BLK_F_SEG_MAX,
      V.VIRTIO_BLK_F_BLK_SIZE,
      V.VIRTIO_BLK_F_FLUSH,
      ...(isReadOnly ? [V.VIRTIO_BLK_F_RO] : [V.VIRTIO_BLK_F_DISCARD, V.VIRTIO_BLK_F_WRITE_ZEROES]),
    ]);
    this.config = configOf(this.#capacitySectors);
  }

  activate({ queues, features }: DeviceContext): void {
    this.#queue = queues[0];
    this.#isWriteThrough = !hasFeature(features, V.VIRTIO_BLK_F_FLUSH);
  }

  reset(): void {
    this.#queue = undefined;
  }

  drain(): boolean {
    return this.#queue?.serve((chain) => this.#serve(chain)) ?? false;
  }

  /** @returns how many bytes were written into the chain */
  #serve({ readable, writable }: DescriptorChain): number {
    // The layout of a request is in its bytes, and not in how they are cut into descriptors (2.7.4.1).
    const dataBytes = bytesIn(writable) - this.#status.length;
    if (dataBytes < 0) {
      return 0;
    }
    const isWhole = copyFrom(readable, 0, this.#header) === this.#header.length;
    const { status, writtenBytes } = isWhole ? this.#do(readable, writable, dataBytes) : IO_ERROR;
    this.#status[0] = status;
    copyTo(writable, dataBytes, this.#status);
    return writtenBytes === dataBytes ? dataBytes + this.#status.length : writtenBytes;
  }

  #do(readable: Segments, writable: Segments, dataBytes: number): Outcome {
    const type = V.BLK_OUTHDR.read(this.#headerView, "type");
    const sector = Number(V.BLK_OUTHDR.read(this.#headerView, "sector"));
    const outBytes = bytesIn(readable) - this.#header.length;
    switch (type) {
      case V.VIRTIO_BLK_T_IN:
        return this.#transfer(writable, 0, dataBytes, sector, true);
      case V.VIRTIO_BLK_T_OUT:
        return this.#write(readable, outBytes, sector);
      case V.VIRTIO_BLK_T_FLUSH:
        return outcomeOf(this.#storage.flush());
      case V.VIRTIO_BLK_T_GET_ID:
        return { ...OK, writtenBytes: copyTo(slice(writable, 0, dataBytes), 0, this.#serial) };
      case V.VIRTIO_BLK_T_DISCARD:
      case V.VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#ranges(readable, outBytes, type === V.VIRTIO_BLK_T_WRITE_ZEROES);
      default:
        return UNSUPPORTED;
    }
  }

  #write(readable: Segments, outBytes: number, sector: number): Outcome {
    if (this.#isReadOnly) {
      return IO_ERROR;
    }
    const outcome = this.#transfer(readable, this.#header.length, outBytes, sector, false);
    const isToFlush = this.#isWriteThrough && outcome.status === V.VIRTIO_BLK_S_OK;
    return isToFlush ? outcomeOf(this.#storage.flush()) : outcome;
  }

  #holds(sector: number, sectors: number): boolean {
    return sector + sectors <= this.#capacitySectors;
  }

  /** Moves whole sectors, in as many calls as the kernel wants. */
  #transfer(all: Segments, skip: number, bytes: number, sector: number, isRead: boolean): Outcome {
    const isWhole = bytes % SECTOR_BYTES === 0 && bytes <= MAX_REQUEST_BYTES;
    if (!isWhole || !this.#holds(sector, bytes / SECTOR_BYTES)) {
      return IO_ERROR;
    }
    let done = 0;
    while (done < bytes) {
      this.#vector.clear();
      addTo(this.#vector, slice(all, skip + done, bytes - done));
      const position = sector * SECTOR_BYTES + done;
      const count = isRead
        ? this.#storage.read(this.#vector, position)
        : this.#storage.write(this.#vector, position);
      if (count <= 0) {
        // 0 is the end of a file that somebody cut.
        return { status: V.VIRTIO_BLK_S_IOERR, writtenBytes: isRead ? done : 0 };
      }
      done += count;
    }
    return { status: V.VIRTIO_BLK_S_OK, writtenBytes: isRead ? done : 0 };
  }

  /** Discards or zeroes ranges, each of which is checked before the first is touched (5.2.6.2). */
  #ranges(readable: Segments, outBytes: number, isZeroing: boolean): Outcome {
    const count = outBytes / V.BLK_RANGE.size;
    if (this.#isReadOnly || !Number.isInteger(count) || count < 1 || count > MAX_RANGES) {
      return IO_ERROR;
    }
    const bytes = new Uint8Array(outBytes);
    copyFrom(readable, this.#header.length, bytes);
    const ranges = Array.from({ length: count }, (_, i) => rangeOf(bytes, i * V.BLK_RANGE.size));
    const known = isZeroing ? V.VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
    if (ranges.some(({ flags }) => (flags & ~known) !== 0)) {
      return UNSUPPORTED;
    }
    const most = isZeroing ? MAX_ZEROES_SECTORS : MAX_DISCARD_SECTORS;
    if (ranges.some(({ sector, sectors }) => sectors > most || !this.#holds(sector, sectors))) {
      return IO_ERROR;
    }
    for (const range of ranges) {
      const result = this.#doRange(range, isZeroing);
      if (result < 0) {
        return outcomeOf(result);
      }
    }
    return this.#isWriteThrough ? outcomeOf(this.#storage.flush()) : OK;
  }

  #doRange({ sector, sectors, flags }: Range, isZeroing: boolean): number {
    const [position, length] = [sector * SECTOR_BYTES, sectors * SECTOR_BYTES];
    if (length === 0) {
      return 0;
    }
    return isZeroing
      ? this.#storage.zero(position, length, flags !== 0)
      : this.#storage.discard(position, length);
  }

  /** Nothing but its size: every request is done before the call that found it returns. */
  save(): VersionedState {
    return { version: STATE_VERSION, capacitySectors: this.#capacitySectors };
  }

  restore(state: unknown): void {
    const reader = new StateReader("block device", state, STATE_VERSION);
    reader.exactly("capacitySectors", this.#capacitySectors);
  }
}

function rangeOf(bytes: Uint8Array, at: number): Range {
  const view = new DataView(bytes.buffer, at);
  return {
    sector: Number(V.BLK_RANGE.read(view, "sector")),
    sectors: V.BLK_RANGE.read(view, "num_sectors"),
    flags: V.BLK_RANGE.read(view, "flags"),
  };
}

function configOf(capacitySectors: number): Uint8Array {
  const config = new Uint8Array(V.BLK_CONFIG.size);
  V.BLK_CONFIG.write(new DataView(config.buffer), {
    capacity: capacitySectors,
    size_max: MAX_SEGMENT_BYTES,
    seg_max: MAX_SEGMENTS,
    blk_size: SECTOR_BYTES,
    num_queues: 1,
    max_discard_sectors: MAX_DISCARD_SECTORS,
    max_discard_seg: MAX_RANGES,
    discard_sector_alignment: 1,
    max_write_zeroes_sectors: MAX_ZEROES_SECTORS,
    max_write_zeroes_seg: MAX_RANGES,
    write_zeroes_may_unmap: 1,
  });
  return config;
}
