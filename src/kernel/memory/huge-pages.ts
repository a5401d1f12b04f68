/** Pages of 2 MiB instead of 4 KiB, where the kernel has them to spare (transparent huge pages, Documentation/admin-guide/mm/transhuge.rst). */
import { MADV_HUGEPAGE } from "../abi/memory.ts";
import { syscallRaw } from "../sys/syscall.ts";

/** What x86-64 and arm64 with pages of 4 KiB have. Only what lies at a multiple of it in both address spaces is mapped as one for a guest. */
export const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

/**
 * Has memory come in huge pages as it is touched: that is one fault instead of 512, for this process and for a guest of
 * which it is the memory. A kernel without them, or told not to (`transparent_hugepage/enabled`), goes on with small ones.
 * @param address of a mapping
 */
export function preferHugePages(address: number, length: number): void {
  syscallRaw("madvise", address, length, MADV_HUGEPAGE);
}
