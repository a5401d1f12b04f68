/**
 * The regions of a guest's memory: where each starts for the guest, and the mapping that is its memory. Decides which
 * regions can be; how KVM is told is the VM's business.
 */
import { HUGE_PAGE_BYTES, preferHugePages } from "../memory/huge-pages.ts";
import { Mapping, MAX_VIEW_BYTES, type MappedFile } from "../sys/mapping.ts";

const GUEST_PAGE_BYTES = 4096;
/** No processor has more bits of physical address (Intel SDM volume 3A 4.1.4; AMD APM volume 2 1.1.3). */
export const GUEST_ADDRESS_LIMIT = 2 ** 52;

/** Memory to be. */
export interface RamSpec {
  /** The guest-physical address of its first byte; a multiple of the page size. */
  readonly start: number;
  /** A multiple of the page size, and no more than one view can have. */
  readonly bytes: number;
  /** What the memory shows at first: zeroes when left out; a file's bytes, for a snapshot. */
  readonly file?: MappedFile;
  /** {@link mapRam} of it, where that is done already: it stays the caller's, who keeps it until the VM is gone. */
  readonly mapping?: Mapping;
  /** The guest only reads it: its writes come as mmio. */
  readonly isReadOnly?: boolean;
}

/** Memory that a guest has. */
export interface RamRegion {
  readonly start: number;
  /** The memory itself, no copy. */
  readonly bytes: Uint8Array;
  /** Where it is mapped in this process: for other threads (`bytesAt`), and for system calls. */
  readonly address: number;
}

/** Maps the memory, before there is a VM to have it. @throws {RangeError} @throws {SyscallError} */
export function mapRam({ start, bytes, file }: Omit<RamSpec, "mapping">): Mapping {
  const mapping = new Mapping(bytes, `the guest's memory at ${start}`, file, HUGE_PAGE_BYTES);
  if (file === undefined) {
    preferHugePages(mapping.address, bytes);
  }
  return mapping;
}

const isWholePages = (value: number): boolean =>
  Number.isSafeInteger(value) && value % GUEST_PAGE_BYTES === 0;

const hex = (value: number): string => `0x${value.toString(16)}`;

/** @throws {RangeError} that says what is wrong with a region beside those that are there */
export function checkRam(spec: RamSpec, others: readonly RamRegion[]): void {
  const { start, bytes } = spec;
  const fail = (why: string): never => {
    throw new RangeError(`no guest memory of ${bytes} bytes at ${start}: ${why}`);
  };
  if (!isWholePages(start) || start < 0) {
    fail(`its start is no multiple of ${GUEST_PAGE_BYTES}`);
  }
  if (!isWholePages(bytes) || bytes <= 0) {
    fail(`its size is no multiple of ${GUEST_PAGE_BYTES}`);
  }
  if (bytes > MAX_VIEW_BYTES) {
    fail(`a region has at most ${MAX_VIEW_BYTES} bytes`);
  }
  if (start + bytes > GUEST_ADDRESS_LIMIT) {
    fail(`it ends beyond ${hex(GUEST_ADDRESS_LIMIT)}, where physical addresses end`);
  }
  const other = others.find((it) => start < it.start + it.bytes.length && it.start < start + bytes);
  if (other !== undefined) {
    fail(`it overlaps the region at ${hex(other.start)} of ${other.bytes.length} bytes`);
  }
}
