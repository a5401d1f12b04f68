/** Segment descriptors: from the eight bytes of a GDT entry to what a CPU keeps of it (Intel SDM volume 3, 3.4.5). */

const DESCRIPTOR_BYTES = 8;
const GRANULARITY_SHIFT = 12;

/** The fields of `struct kvm_segment`, by its names. */
export interface Segment {
  readonly base: bigint;
  /** In bytes, whatever the granularity. */
  readonly limit: number;
  readonly selector: number;
  readonly type: number;
  readonly present: number;
  readonly dpl: number;
  readonly db: number;
  readonly s: number;
  readonly l: number;
  readonly g: number;
  readonly avl: number;
  readonly unusable: number;
}

function bits(descriptor: bigint, from: number, count: number): number {
  return Number((descriptor >> BigInt(from)) & ((1n << BigInt(count)) - 1n));
}

/** What a CPU has in a segment register after it was loaded with the entry of that index. */
export function segmentOf(descriptor: bigint, index: number): Segment {
  const present = bits(descriptor, 47, 1);
  const g = bits(descriptor, 55, 1);
  const limit = bits(descriptor, 0, 16) + bits(descriptor, 48, 4) * 0x1_0000;
  return {
    base: BigInt(bits(descriptor, 16, 24) + bits(descriptor, 56, 8) * 0x100_0000),
    limit: g === 0 ? limit : limit * 2 ** GRANULARITY_SHIFT + (2 ** GRANULARITY_SHIFT - 1),
    selector: index * DESCRIPTOR_BYTES,
    type: bits(descriptor, 40, 4),
    present,
    dpl: bits(descriptor, 45, 2),
    db: bits(descriptor, 54, 1),
    s: bits(descriptor, 44, 1),
    l: bits(descriptor, 53, 1),
    g,
    avl: bits(descriptor, 52, 1),
    unusable: 1 - present,
  };
}

/** The table as it lies in memory. */
export function gdtOf(descriptors: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(descriptors.length * DESCRIPTOR_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, descriptor] of descriptors.entries()) {
    view.setBigUint64(index * DESCRIPTOR_BYTES, descriptor, true);
  }
  return bytes;
}
