/** Gives the pages of mapped memory back to the kernel; they come again, with zeros, when they are touched. */
import { MADV_DONTNEED, MADV_REMOVE } from "../abi/memory.ts";
import { addressOf } from "../sys/memory.ts";
import { syscallRaw } from "../sys/syscall.ts";

const PAGE_BYTES = 4096;

/**
 * Discards the whole pages of a range (madvise(2)).
 * @param bytes a mapping of its own, page by page
 * @param isShared whether it is a mapping of a file (a memfd) that its pages are to be taken from, too
 * @returns how many bytes, or -errno
 */
export function discardMemory(
  bytes: Uint8Array,
  offset: number,
  length: number,
  isShared: boolean,
): number {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
    throw new RangeError(`no ${length} bytes at ${offset} of ${bytes.length}`);
  }
  const base = addressOf(bytes);
  const start = Math.ceil((base + offset) / PAGE_BYTES) * PAGE_BYTES;
  const end = Math.floor((base + offset + length) / PAGE_BYTES) * PAGE_BYTES;
  if (end <= start) {
    return 0;
  }
  // SAFETY: the range lies within `bytes`, whose owner has it mapped for as long as it is given here; the kernel
  // replaces the pages' contents by zeros.
  const result = syscallRaw("madvise", start, end - start, isShared ? MADV_REMOVE : MADV_DONTNEED);
  return result < 0 ? result : end - start;
}
