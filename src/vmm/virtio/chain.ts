/**
 * Descriptor chains (virtio 1.2, 2.7.5): reads one out of the descriptor table, and out of an indirect table at its end.
 *
 * All of it is written by the guest, at any time. So each value is read once and checked then: a chain has a bounded number
 * of descriptors, each of which lies in guest memory, and whatever breaks a rule is a `VirtioFault`.
 */
import {
  VRING_DESC,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
} from "../../kernel/abi/virtio.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { VirtioFault } from "./fault.ts";
import type { Segment, Segments } from "./segments.ts";

/** The longest chain with an indirect table, which also is what one readv(2) takes (IOV_MAX). */
export const MAX_CHAIN_DESCRIPTORS = 1024;

const DESCRIPTOR_BYTES = VRING_DESC.size;

/** What the driver offered by one entry of the available ring. */
export interface DescriptorChain {
  /** The index of its first descriptor, by which the driver knows it. */
  readonly head: number;
  /** What the device may read. */
  readonly readable: Segments;
  /** What the device may write. */
  readonly writable: Segments;
}

/** Of a queue. */
export interface DescriptorTable {
  /** How many descriptors it has. */
  readonly size: number;
  readonly descriptors: DataView;
  /** Whether a descriptor may be a table of them (VIRTIO_F_INDIRECT_DESC). */
  readonly hasIndirect: boolean;
}

/** Follows a chain through the table, and an indirect table at its end. @throws {VirtioFault} @throws {GuestMemoryError} */
export function readChain(
  memory: GuestMemory,
  { size, descriptors, hasIndirect }: DescriptorTable,
  head: number,
): DescriptorChain {
  const readable: Segment[] = [];
  const writable: Segment[] = [];
  let table = descriptors;
  let start = 0;
  let entries = size;
  let limit = size;
  let at = head;
  let isIndirect = false;
  for (let count = 0; ;) {
    if (at >= entries) {
      throw new VirtioFault(`descriptor ${at} of a table of ${entries}`);
    }
    const base = start + at * DESCRIPTOR_BYTES;
    // Beyond 2^53 the sum is not exact, and beyond 2^52 there is no memory.
    const address = table.getUint32(base + 4, true) * 2 ** 32 + table.getUint32(base, true);
    const length = table.getUint32(base + 8, true);
    const flags = table.getUint16(base + 12, true);
    const next = table.getUint16(base + 14, true);
    if ((flags & VRING_DESC_F_INDIRECT) !== 0) {
      if (isIndirect || !hasIndirect || (flags & VRING_DESC_F_NEXT) !== 0) {
        throw new VirtioFault("an indirect descriptor where none may be");
      }
      if (length === 0 || length % DESCRIPTOR_BYTES !== 0) {
        throw new VirtioFault(`an indirect table of ${length} bytes`);
      }
      // Not a view of its own, which would be more garbage than all else of the chain.
      const region = memory.find(address, length);
      table = region.view;
      start = address - region.start;
      entries = length / DESCRIPTOR_BYTES;
      limit = MAX_CHAIN_DESCRIPTORS;
      isIndirect = true;
      at = 0;
      continue;
    }
    count += 1;
    if (count > limit) {
      throw new VirtioFault(`a chain of more than ${limit} descriptors`);
    }
    const isWritable = (flags & VRING_DESC_F_WRITE) !== 0;
    if (!isWritable && writable.length > 0) {
      throw new VirtioFault("a readable descriptor after a writable one"); // 2.7.4.2
    }
    addSegments(memory, address, length, isWritable ? writable : readable);
    if ((flags & VRING_DESC_F_NEXT) === 0) {
      return { head, readable, writable };
    }
    at = next;
  }
}

/** What the guest sees as one may lie in several regions, one after the other. */
function addSegments(
  memory: GuestMemory,
  address: number,
  length: number,
  segments: Segment[],
): void {
  if (length === 0) {
    throw new VirtioFault("a descriptor of no bytes");
  }
  for (let done = 0; done < length;) {
    const region = memory.find(address + done, 1);
    const offset = address + done - region.start;
    const size = Math.min(length - done, region.bytes.length - offset);
    segments.push({ region, offset, length: size });
    done += size;
  }
}
