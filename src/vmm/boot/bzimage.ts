/**
 * Loads a bzImage, which is what distributions ship as `vmlinuz`, for the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst). It is loaded where it prefers to run; a relocatable one moves itself from there.
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_ADDRESS, MMIO_HOLE_ADDRESS } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";
import type { Image } from "./image.ts";

/** Offsets of the setup header's fields in the file; "The Real-Mode Kernel Header". */
const SETUP_SECTS = 0x1f1;
const SYSSIZE = 0x1f4;
const HEADER_END_JUMP = 0x201;
const JUMP_ORIGIN = 0x202;
const VERSION = 0x206;
const LOADFLAGS = 0x211;
const INITRD_ADDR_MAX = 0x22c;
const KERNEL_ALIGNMENT = 0x230;
const RELOCATABLE_KERNEL = 0x234;
const XLOADFLAGS = 0x236;
const CMDLINE_SIZE = 0x238;
const PREF_ADDRESS = 0x258;
const INIT_SIZE = 0x260;
/** The header with all fields that are read here, and the most that a zero page has room for. */
const HEADER_MIN_END = 0x264;
const HEADER_MAX_END = 0x290;

const SECTOR_BYTES = 512;
const PARAGRAPH_BYTES = 16;
/** What 0 means. */
const DEFAULT_SETUP_SECTS = 4;
const LOADED_HIGH = 1;
const XLF_KERNEL_64 = 1;
/** The first with xloadflags, of Linux 3.8. */
const MIN_VERSION = 0x20c;
/** "The 64-bit entry point is at 0x200 from the start of the loaded kernel." */
const ENTRY_OFFSET = 0x200;
const MAX_ALIGNMENT = 0x4000_0000;
const MIB = 1024 * 1024;

export interface BzImageKernel {
  readonly entry: number;
  /** The first address behind all that it uses while it unpacks itself. */
  readonly end: number;
  /** The setup header as the file has it, from 0x1f1 on: it goes into the zero page. */
  readonly setupHeader: Uint8Array;
  readonly commandLineMaxBytes: number;
  readonly initrdMaxAddress: number;
}

function headerFault(header: DataView): string | undefined {
  const version = header.getUint16(VERSION, true);
  if (version < MIN_VERSION) {
    return `it speaks boot protocol ${version >> 8}.${version & 0xff}, and 2.12 is the oldest that can be booted; give a kernel of Linux 3.8 or later`;
  }
  if ((header.getUint16(XLOADFLAGS, true) & XLF_KERNEL_64) === 0) {
    return "it is a 32-bit kernel; give a 64-bit one";
  }
  if ((header.getUint8(LOADFLAGS) & LOADED_HIGH) === 0) {
    return "it is a zImage, which loads below 1 MiB; give a bzImage";
  }
  return undefined;
}

/** Where it runs: its preferred address, moved up to its alignment where it is relocatable ("init_size"). */
function runtimeStart(image: Image, header: DataView): number {
  const preferred = Number(header.getBigUint64(PREF_ADDRESS, true));
  if (header.getUint8(RELOCATABLE_KERNEL) === 0) {
    return preferred;
  }
  const alignment = header.getUint32(KERNEL_ALIGNMENT, true);
  const isPower = alignment > 0 && (alignment & (alignment - 1)) === 0;
  if (!isPower || alignment > MAX_ALIGNMENT) {
    throw new BootError(
      `boot "${image.name}": its alignment ${alignment} is no power of two; the file is damaged`,
    );
  }
  return Math.ceil(preferred / alignment) * alignment;
}

/** The bytes of the kernel itself. What follows them in the file, such as a signature, is not for memory. */
function protectedModePart(image: Image, header: DataView): { offset: number; bytes: number } {
  const sectors = header.getUint8(SETUP_SECTS) || DEFAULT_SETUP_SECTS;
  const offset = (sectors + 1) * SECTOR_BYTES;
  const stated = header.getUint32(SYSSIZE, true) * PARAGRAPH_BYTES;
  const present = image.bytes - offset;
  // The size is rounded up, and some files end where the kernel does.
  const bytes = present < stated && present > stated - PARAGRAPH_BYTES ? present : stated;
  if (bytes <= ENTRY_OFFSET) {
    throw new BootError(
      `boot "${image.name}": its header states ${stated} bytes of kernel; it is damaged`,
    );
  }
  return { offset, bytes };
}

/** @throws {BootError} on one that can't be booted in this way, is cut or damaged, or does not fit into memory */
export function loadBzImage(memory: GuestMemory, image: Image): BzImageKernel {
  const header = image.slice(0, Math.min(image.bytes, HEADER_MAX_END), "setup header");
  if (header.byteLength < HEADER_MIN_END) {
    throw new BootError(`boot "${image.name}": its setup header is cut; the file is damaged`);
  }
  const fault = headerFault(header);
  if (fault !== undefined) {
    throw new BootError(`boot "${image.name}": ${fault}`);
  }
  const { offset, bytes } = protectedModePart(image, header);
  const start = runtimeStart(image, header);
  const needed = Math.max(header.getUint32(INIT_SIZE, true), bytes);
  const low = memory.regions.find((region) => region.start === 0);
  const lowEnd = Math.min(low?.bytes.length ?? 0, MMIO_HOLE_ADDRESS);
  if (!(start >= HIGH_MEMORY_ADDRESS && start + needed <= lowEnd)) {
    throw new BootError(
      `boot "${image.name}": it needs ${Math.ceil(needed / MIB)} MiB of memory from 0x${start.toString(16)} on, and the machine's ends at ${Math.floor(lowEnd / MIB)} MiB; give it more`,
    );
  }
  image.load(offset, memory.bytes(start, bytes), "kernel");
  const stated = JUMP_ORIGIN + header.getUint8(HEADER_END_JUMP);
  const headerEnd = Math.min(Math.max(stated, HEADER_MIN_END), header.byteLength);
  return {
    entry: start + ENTRY_OFFSET,
    end: start + needed,
    setupHeader: new Uint8Array(header.buffer.slice(SETUP_SECTS, headerEnd)),
    commandLineMaxBytes: header.getUint32(CMDLINE_SIZE, true),
    initrdMaxAddress: header.getUint32(INITRD_ADDR_MAX, true),
  };
}
