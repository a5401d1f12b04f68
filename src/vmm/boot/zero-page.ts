/**
 * The zero page, `struct boot_params`: what the 64-bit boot protocol tells the kernel
 * (Documentation/arch/x86/zero-page.rst, and boot.rst for the setup header within it).
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { type E820Entry, PAGE_BYTES, ZERO_PAGE_ADDRESS } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";
import type { CommandLine } from "./command-line.ts";
import type { Placed } from "./initrd.ts";

const ACPI_RSDP_ADDR = 0x70;
const E820_ENTRIES = 0x1e8;
const SETUP_HEADER = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const KERNEL_ALIGNMENT = 0x230;
const E820_TABLE = 0x2d0;
const E820_ENTRY_BYTES = 20;
/** E820_MAX_ENTRIES_ZEROPAGE. */
const E820_MAX_ENTRIES = 128;

const BOOT_FLAG_VALUE = 0xaa55;
const HDRS = 0x5372_6448;
/** A loader without a number of its own. */
const UNDEFINED_LOADER = 0xff;
const LOADED_HIGH = 1;
/** What an ELF kernel, which has no header, is told in place of its own. */
const ELF_VERSION = 0x20c;
const ELF_ALIGNMENT = 0x100_0000;

export interface ZeroPage {
  /** Of a bzImage, as it has it; an ELF file has none. */
  readonly setupHeader: Uint8Array | undefined;
  readonly commandLine: CommandLine;
  readonly initrd: Placed | undefined;
  readonly e820: readonly E820Entry[];
  readonly rsdpAddress: number;
}

function writeHeader(view: DataView, page: ZeroPage): void {
  if (page.setupHeader === undefined) {
    view.setUint16(BOOT_FLAG, BOOT_FLAG_VALUE, true);
    view.setUint32(HEADER_MAGIC, HDRS, true);
    view.setUint16(VERSION, ELF_VERSION, true);
    view.setUint8(LOADFLAGS, LOADED_HIGH);
    view.setUint32(KERNEL_ALIGNMENT, ELF_ALIGNMENT, true);
  } else {
    new Uint8Array(view.buffer, view.byteOffset + SETUP_HEADER).set(page.setupHeader);
  }
  view.setUint8(TYPE_OF_LOADER, UNDEFINED_LOADER);
  view.setUint32(CMD_LINE_PTR, page.commandLine.address, true);
  view.setUint32(RAMDISK_IMAGE, page.initrd?.address ?? 0, true);
  view.setUint32(RAMDISK_SIZE, page.initrd?.bytes ?? 0, true);
}

/** @returns its address, for RSI */
export function writeZeroPage(memory: GuestMemory, page: ZeroPage): number {
  if (page.e820.length > E820_MAX_ENTRIES) {
    throw new BootError(`describe memory: ${page.e820.length} ranges do not fit the zero page`);
  }
  const bytes = memory.bytes(ZERO_PAGE_ADDRESS, PAGE_BYTES).fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  writeHeader(view, page);
  view.setBigUint64(ACPI_RSDP_ADDR, BigInt(page.rsdpAddress), true);
  view.setUint8(E820_ENTRIES, page.e820.length);
  for (const [index, { start, length, type }] of page.e820.entries()) {
    const at = E820_TABLE + index * E820_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(start), true);
    view.setBigUint64(at + 8, BigInt(length), true);
    view.setUint32(at + 16, type, true);
  }
  return ZERO_PAGE_ADDRESS;
}
