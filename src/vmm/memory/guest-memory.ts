/**
 * The guest's physical memory: mapped regions, none of which overlap. Every access is checked, since addresses come
 * from the guest. The regions are the mappings themselves, shared with the guest's processors: what is read here may
 * be something else at the next read, so whoever checks a value reads it once.
 */

/** Guest-physical addresses are below it (52 bits, Intel SDM 4.1.4), so a number holds each of them exactly. */
const ADDRESS_LIMIT = 2 ** 52;

/** An access outside of the guest's memory. */
export class GuestMemoryError extends Error {
  override readonly name = "GuestMemoryError";
  readonly address: number;
  readonly length: number;

  constructor(address: number, length: number) {
    super(`no guest memory at 0x${address.toString(16)}, ${length} bytes`);
    this.address = address;
    this.length = length;
  }
}

export interface MemoryRegion {
  /** Guest-physical address of its first byte; below 2^52. */
  readonly start: number;
  /** The mapped memory itself, no copy. */
  readonly bytes: Uint8Array;
}

/** What an address is found in. Its place there is the address less `start`. */
export interface MappedRegion extends MemoryRegion {
  /** Of all of it. */
  readonly view: DataView;
  /** The address after its last byte. */
  readonly end: number;
}

function mappedOf({ start, bytes }: MemoryRegion): MappedRegion {
  if (!Number.isSafeInteger(start) || start < 0 || start + bytes.length > ADDRESS_LIMIT) {
    throw new RangeError(`a memory region at ${start} of ${bytes.length} bytes is not below 2^52`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { start, bytes, view, end: start + bytes.length };
}

export class GuestMemory {
  /** In the order of their addresses. */
  readonly regions: readonly MemoryRegion[];
  readonly #mapped: readonly MappedRegion[];

  /** @throws {RangeError} on regions that overlap, or reach beyond 2^52 */
  constructor(regions: readonly MemoryRegion[]) {
    const mapped = regions.map(mappedOf).toSorted((a, b) => a.start - b.start);
    for (const [i, { start }] of mapped.entries()) {
      if (start < (mapped[i - 1]?.end ?? 0)) {
        throw new RangeError(`the memory region at 0x${start.toString(16)} overlaps another`);
      }
    }
    this.#mapped = mapped;
    this.regions = mapped;
  }

  /**
   * The only check of an address: whole numbers, and a range that lies in one region. Nothing is allocated: descriptors are
   * found by it.
   * @throws {GuestMemoryError}
   */
  find(address: number, length: number): MappedRegion {
    if (length >= 0 && Number.isSafeInteger(address) && Number.isSafeInteger(length)) {
      for (const mapped of this.#mapped) {
        if (address >= mapped.start && address + length <= mapped.end) {
          return mapped;
        }
      }
    }
    throw new GuestMemoryError(address, length);
  }

  /** The guest's own bytes, no copy. @throws {GuestMemoryError} unless the whole range lies in one region */
  bytes(address: number, length: number): Uint8Array {
    const { start, bytes } = this.find(address, length);
    return bytes.subarray(address - start, address - start + length);
  }

  /** Little-endian, at any alignment, as all below. @throws {GuestMemoryError} */
  read16(address: number): number {
    const { view, start } = this.find(address, 2);
    return view.getUint16(address - start, true);
  }

  read32(address: number): number {
    const { view, start } = this.find(address, 4);
    return view.getUint32(address - start, true);
  }

  read64(address: number): bigint {
    const { view, start } = this.find(address, 8);
    return view.getBigUint64(address - start, true);
  }

  write16(address: number, value: number): void {
    const { view, start } = this.find(address, 2);
    view.setUint16(address - start, value, true);
  }

  write32(address: number, value: number): void {
    const { view, start } = this.find(address, 4);
    view.setUint32(address - start, value, true);
  }

  write64(address: number, value: bigint): void {
    const { view, start } = this.find(address, 8);
    view.setBigUint64(address - start, value, true);
  }
}
