/** Random bytes from the kernel, right into memory that stays where it is: a guest's. */
import { ERRNO } from "../abi/errno.ts";
import { addressOf } from "../sys/memory.ts";
import { syscallRaw } from "../sys/syscall.ts";

/**
 * Fills a part of some memory by getrandom(2), which does not block once the kernel has been seeded.
 * @returns 0, or -errno
 */
export function fillRandom(bytes: Uint8Array, offset: number, length: number): number {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
    throw new RangeError(`no ${length} bytes at ${offset} of ${bytes.length}`);
  }
  const base = addressOf(bytes) + offset;
  for (let done = 0; done < length;) {
    // SAFETY: the range lies within `bytes`, which the caller holds; the kernel writes at most its length.
    const count = syscallRaw("getrandom", base + done, length - done, 0);
    if (count < 0 && count !== -ERRNO.EINTR) {
      return count;
    }
    done += Math.max(count, 0);
  }
  return 0;
}
