/**
 * The page tables that the boot CPU starts with in long mode: the first 4 GiB one to one, in pages of 2 MiB (Intel SDM
 * volume 3, 4.5). The kernel replaces them at once.
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { PAGE_BYTES, PAGE_TABLES_ADDRESS } from "../memory-map.ts";

const PRESENT_WRITABLE = 0x3n;
const LARGE_PAGE = 0x80n;
const LARGE_PAGE_SHIFT = 21n;
const ENTRY_BYTES = 8;
const ENTRIES = PAGE_BYTES / ENTRY_BYTES;
/** One page directory maps 1 GiB. */
const DIRECTORIES = 4;

/** @returns the address of the PML4, for CR3 */
export function writePageTables(memory: GuestMemory): number {
  const pml4 = PAGE_TABLES_ADDRESS;
  const pdpt = pml4 + PAGE_BYTES;
  const directories = pdpt + PAGE_BYTES;
  const bytes = memory.bytes(pml4, (2 + DIRECTORIES) * PAGE_BYTES).fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const put = (address: number, value: bigint) => view.setBigUint64(address - pml4, value, true);
  put(pml4, BigInt(pdpt) | PRESENT_WRITABLE);
  for (let i = 0; i < DIRECTORIES; i += 1) {
    put(pdpt + i * ENTRY_BYTES, BigInt(directories + i * PAGE_BYTES) | PRESENT_WRITABLE);
  }
  for (let i = 0; i < DIRECTORIES * ENTRIES; i += 1) {
    const page = (BigInt(i) << LARGE_PAGE_SHIFT) | PRESENT_WRITABLE | LARGE_PAGE;
    put(directories + i * ENTRY_BYTES, page);
  }
  return pml4;
}
