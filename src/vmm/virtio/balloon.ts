/**
 * The memory balloon (virtio 1.2, 5.5): the guest puts pages into it that the host may have, and takes them out again.
 * What it puts in, and what it reports as free (5.5.6.6), is given back to the host's kernel; the guest finds zeros
 * there when it uses such a page again. Statistics come when the driver has been asked for them.
 */
import * as B from "../../kernel/abi/virtio-balloon.ts";
import { VIRTIO_ID_BALLOON } from "../../kernel/abi/virtio.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { DescriptorChain } from "./chain.ts";
import {
  type DeviceContext,
  type Features,
  featuresOf,
  hasFeature,
  type VirtioDevice,
} from "./device.ts";
import { VirtioFault } from "./fault.ts";
import type { Virtqueue } from "./queue.ts";
import { bytesIn, copyFrom } from "./segments.ts";
import { StateReader, type VersionedState } from "./state.ts";

const QUEUE_SIZE = 128;
/** 1 had the driver's buffer for statistics, which is in its queue now. */
const STATE_VERSION = 2;
const PAGE_BYTES = 2 ** B.VIRTIO_BALLOON_PFN_SHIFT;
const U32_MAX = 0xffff_ffff;
const PFN_BYTES = 4;
/** Page numbers in one chain. Linux has 256 at a time. */
const MAX_PFNS = 4096;
/** Statistics in one chain, of which there are ten kinds. */
const MAX_STATISTICS = 64;

const STATISTICS: ReadonlyMap<number, keyof BalloonStatistics> = new Map([
  [B.VIRTIO_BALLOON_S_SWAP_IN, "swappedInBytes"],
  [B.VIRTIO_BALLOON_S_SWAP_OUT, "swappedOutBytes"],
  [B.VIRTIO_BALLOON_S_MAJFLT, "majorFaults"],
  [B.VIRTIO_BALLOON_S_MINFLT, "minorFaults"],
  [B.VIRTIO_BALLOON_S_MEMFREE, "freeBytes"],
  [B.VIRTIO_BALLOON_S_MEMTOT, "totalBytes"],
  [B.VIRTIO_BALLOON_S_AVAIL, "availableBytes"],
  [B.VIRTIO_BALLOON_S_CACHES, "cacheBytes"],
  [B.VIRTIO_BALLOON_S_HTLB_PGALLOC, "hugePageAllocations"],
  [B.VIRTIO_BALLOON_S_HTLB_PGFAIL, "hugePageFailures"],
]);

/** What the guest says of its memory (5.5.6.4); it may leave things out, and say what is not so. */
export interface BalloonStatistics {
  swappedInBytes?: bigint;
  swappedOutBytes?: bigint;
  majorFaults?: bigint;
  minorFaults?: bigint;
  freeBytes?: bigint;
  totalBytes?: bigint;
  availableBytes?: bigint;
  cacheBytes?: bigint;
  hugePageAllocations?: bigint;
  hugePageFailures?: bigint;
}

export interface BalloonOptions {
  /** Gives guest memory back to the host: `discardMemory` with the kind of mapping that it is. Answers -errno or more. */
  readonly discard: (bytes: Uint8Array, offset: number, length: number) => number;
  /** The guest takes pages out again before it runs out of memory (VIRTIO_BALLOON_F_DEFLATE_ON_OOM). */
  readonly deflatesOnOom: boolean;
  /** The driver has answered a request for statistics. */
  readonly onStatistics?: (statistics: BalloonStatistics) => void;
}

const INFLATE = 0;
const DEFLATE = 1;

export class BalloonDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_BALLOON;
  readonly name = "balloon";
  /** inflate, deflate, statistics, reports; a queue whose feature was not negotiated does not exist (5.5.2). */
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE];
  readonly features: Features;
  readonly config = new Uint8Array(B.BALLOON_CONFIG.size);
  readonly #view = new DataView(this.config.buffer);
  readonly #options: BalloonOptions;
  #context: DeviceContext | undefined;
  #statisticsIndex = -1;
  #reportIndex = -1;
  /** The driver's buffer, which it gets back when statistics are wanted again. */
  #statisticsBuffer: DescriptorChain | undefined;

  constructor(options: BalloonOptions) {
    this.#options = options;
    this.features = featuresOf([
      B.VIRTIO_BALLOON_F_STATS_VQ,
      B.VIRTIO_BALLOON_F_REPORTING,
      ...(options.deflatesOnOom ? [B.VIRTIO_BALLOON_F_DEFLATE_ON_OOM] : []),
    ]);
  }

  /** How many bytes the guest is asked to do without; whole pages. The driver has to be told: `configChanged`. */
  set targetBytes(bytes: number) {
    const pages = Math.min(Math.floor(bytes / PAGE_BYTES), U32_MAX);
    B.BALLOON_CONFIG.write(this.#view, { num_pages: pages });
  }

  get targetBytes(): number {
    return B.BALLOON_CONFIG.read(this.#view, "num_pages") * PAGE_BYTES;
  }

  /** How many bytes the driver says are in the balloon. */
  get actualBytes(): number {
    return B.BALLOON_CONFIG.read(this.#view, "actual") * PAGE_BYTES;
  }

  /** The driver may write how many pages it has put in, and nothing else (5.5.4). */
  writeConfig(offset: number, data: Uint8Array): void {
    const { actual } = B.BALLOON_CONFIG.offsets;
    if (offset >= actual && offset + data.length <= actual + 4) {
      this.config.set(data, offset);
    }
  }

  activate(context: DeviceContext): void {
    this.#context = context;
    const hasStatistics = hasFeature(context.features, B.VIRTIO_BALLOON_F_STATS_VQ);
    const hasReports = hasFeature(context.features, B.VIRTIO_BALLOON_F_REPORTING);
    this.#statisticsIndex = hasStatistics ? DEFLATE + 1 : -1;
    this.#reportIndex = hasReports ? DEFLATE + (hasStatistics ? 2 : 1) : -1;
  }

  reset(): void {
    this.#context = undefined;
    this.#statisticsBuffer = undefined;
    B.BALLOON_CONFIG.write(this.#view, { actual: 0 });
  }

  drain(index: number): boolean {
    const queue = this.#context?.queues[index];
    if (queue === undefined || this.#context === undefined) {
      return false;
    }
    const { memory } = this.#context;
    return queue.consume((chain) => {
      if (index === this.#statisticsIndex) {
        this.#takeStatistics(queue, chain);
        return true;
      }
      if (index === INFLATE) {
        this.#inflate(memory, chain);
      } else if (index === this.#reportIndex) {
        for (const { region, offset, length } of chain.writable) {
          this.#options.discard(region.bytes, offset, length);
        }
      }
      queue.push(chain, 0);
      return true;
    });
  }

  /** Discards the pages of a chain, those in a row in one call. */
  #inflate(memory: GuestMemory, { readable }: DescriptorChain): void {
    const length = bytesIn(readable);
    if (length % PFN_BYTES !== 0 || length > MAX_PFNS * PFN_BYTES) {
      throw new VirtioFault(`${length} bytes of page numbers`);
    }
    const bytes = new Uint8Array(length);
    copyFrom(readable, 0, bytes);
    const pages = new Uint32Array(bytes.buffer).toSorted();
    for (let i = 0; i < pages.length;) {
      const first = pages[i] ?? 0;
      let end = first + 1;
      for (i += 1; i < pages.length && (pages[i] ?? 0) <= end; i++) {
        end = Math.max(end, (pages[i] ?? 0) + 1);
      }
      this.#discardPages(memory, first, end);
    }
  }

  /** A page that is none of the guest's is the driver's fault. A run of pages may go on in the next region. */
  #discardPages(memory: GuestMemory, first: number, end: number): void {
    for (let at = first * PAGE_BYTES; at < end * PAGE_BYTES;) {
      const region = memory.find(at, PAGE_BYTES);
      const offset = at - region.start;
      const inRegion = Math.floor((region.bytes.length - offset) / PAGE_BYTES) * PAGE_BYTES;
      const length = Math.min(end * PAGE_BYTES - at, inRegion);
      this.#options.discard(region.bytes, offset, length);
      at += length;
    }
  }

  #takeStatistics(queue: Virtqueue, chain: DescriptorChain): void {
    // The driver has one buffer, and gets it back as the question (5.5.6.3). A further one is of no use.
    if (this.#statisticsBuffer !== undefined) {
      queue.push(this.#statisticsBuffer, 0);
    }
    this.#statisticsBuffer = chain;
    const bytes = new Uint8Array(MAX_STATISTICS * B.BALLOON_STAT_BYTES);
    const count = Math.floor(copyFrom(chain.readable, 0, bytes) / B.BALLOON_STAT_BYTES);
    const view = new DataView(bytes.buffer);
    const statistics: BalloonStatistics = {};
    for (let i = 0; i < count; i++) {
      const name = STATISTICS.get(view.getUint16(i * B.BALLOON_STAT_BYTES, true));
      if (name !== undefined) {
        statistics[name] = view.getBigUint64(i * B.BALLOON_STAT_BYTES + 2, true);
      }
    }
    this.#options.onStatistics?.(statistics);
  }

  /** Asks the driver for statistics. To be called by `MmioTransport.run`. @returns whether it could be asked */
  requestStatistics(): boolean {
    const chain = this.#statisticsBuffer;
    const queue = this.#context?.queues[this.#statisticsIndex];
    if (chain === undefined || queue === undefined) {
      return false;
    }
    this.#statisticsBuffer = undefined;
    queue.push(chain, 0);
    return true;
  }

  /** The driver's buffer for statistics is in its queue then, and is taken out of it again. */
  save(): VersionedState {
    return {
      version: STATE_VERSION,
      targetPages: B.BALLOON_CONFIG.read(this.#view, "num_pages"),
      actualPages: B.BALLOON_CONFIG.read(this.#view, "actual"),
    };
  }

  restore(state: unknown): void {
    const reader = new StateReader("balloon", state, STATE_VERSION);
    B.BALLOON_CONFIG.write(this.#view, {
      num_pages: reader.number("targetPages", U32_MAX),
      actual: reader.number("actualPages", U32_MAX),
    });
  }
}
