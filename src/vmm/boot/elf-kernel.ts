/**
 * Loads a kernel that is an ELF file (`vmlinux`) into guest memory, and finds how it wants to be entered: by PVH where
 * it has the note for it, else by the 64-bit boot protocol at its ELF entry. Guest memory has to be fresh: what a
 * segment has in memory beyond its bytes in the file is zero already, and stays untouched, so it costs no page.
 */
import { type GuestMemory, GuestMemoryError } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_ADDRESS, MMIO_HOLE_ADDRESS } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";
import {
  type ElfHeaders,
  type ElfNote,
  type ElfSegment,
  PT_INTERP,
  PT_LOAD,
  PT_NOTE,
  PT_TLS,
  readElfHeaders,
  readElfNotes,
} from "./elf-headers.ts";
import type { Image } from "./image.ts";

/** XEN_ELFNOTE_PHYS32_ENTRY, the physical address of the PVH entry (xen/include/public/elfnote.h). */
const PHYS32_ENTRY = 18;
/** NT_GNU_ABI_TAG: which Linux a program runs on. */
const GNU_ABI_TAG = 1;
const MIB = 1024 * 1024;

export interface ElfKernel {
  readonly protocol: "pvh" | "linux64";
  /** Physical. */
  readonly entry: number;
  /** The first address behind all of its memory. */
  readonly end: number;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

function pvhEntryOf({ description }: ElfNote): number | undefined {
  // Linux's note has the size of a pointer, Xen's own is of 32 bits.
  if (description.byteLength >= 8) {
    return Number(description.getBigUint64(0, true));
  }
  return description.byteLength >= 4 ? description.getUint32(0, true) : undefined;
}

/** A program for Linux has the same format; without this, it would be started as a kernel, and die without a word. */
function refuseProgram(image: Image, { segments }: ElfHeaders, notes: readonly ElfNote[]): void {
  const isProgram =
    segments.some(({ type }) => type === PT_INTERP || type === PT_TLS) ||
    notes.some(({ owner, type }) => owner === "GNU" && type === GNU_ABI_TAG);
  if (isProgram) {
    throw new BootError(`boot "${image.name}": it is a program that runs on Linux, not a kernel`);
  }
}

function memoryOf(memory: GuestMemory, image: Image, segment: ElfSegment): Uint8Array {
  const { physicalAddress: address, fileBytes, memoryBytes } = segment;
  if (fileBytes > memoryBytes) {
    throw new BootError(
      `boot "${image.name}": its segment at ${hex(address)} has ${fileBytes} bytes in the file, and ${memoryBytes} in memory; the file is damaged`,
    );
  }
  if (address < HIGH_MEMORY_ADDRESS) {
    throw new BootError(
      `boot "${image.name}": its segment at ${hex(address)} is below ${hex(HIGH_MEMORY_ADDRESS)}, where the machine's own tables are`,
    );
  }
  if (!(address + memoryBytes <= MMIO_HOLE_ADDRESS)) {
    throw new BootError(
      `boot "${image.name}": its segment at ${hex(address)} reaches beyond ${hex(MMIO_HOLE_ADDRESS)}, where no kernel can start; the file is damaged`,
    );
  }
  try {
    return memory.bytes(address, memoryBytes);
  } catch (cause) {
    if (!(cause instanceof GuestMemoryError)) {
      throw cause;
    }
    throw new BootError(
      `boot "${image.name}": it needs memory at ${hex(address)} up to ${Math.ceil((address + memoryBytes) / MIB)} MiB, which the machine does not have; give it more`,
      { cause },
    );
  }
}

/** Ordered by address, and none over another: so what is read is not more than the guest's memory. */
function loadableOf(image: Image, { segments }: ElfHeaders): ElfSegment[] {
  const loadable = segments
    .filter(({ type, memoryBytes }) => type === PT_LOAD && memoryBytes > 0)
    .toSorted((a, b) => a.physicalAddress - b.physicalAddress);
  if (loadable.length === 0) {
    throw new BootError(`boot "${image.name}": it has no segments to load; it is no kernel`);
  }
  let end = 0;
  for (const { physicalAddress, memoryBytes } of loadable) {
    if (physicalAddress < end) {
      throw new BootError(
        `boot "${image.name}": its segment at ${hex(physicalAddress)} overlaps the one before; the file is damaged`,
      );
    }
    end = physicalAddress + memoryBytes;
  }
  return loadable;
}

/** @throws {BootError} on what is no kernel, is cut or damaged, or does not fit into the guest's memory */
export function loadElfKernel(memory: GuestMemory, image: Image): ElfKernel {
  const headers = readElfHeaders(image);
  const notes = headers.segments
    .filter(({ type }) => type === PT_NOTE)
    .flatMap((segment) => readElfNotes(image, segment));
  refuseProgram(image, headers, notes);
  const loadable = loadableOf(image, headers);
  // All of them are checked before the first is read, so that a mistake shows at once.
  const places = loadable.map((segment) => memoryOf(memory, image, segment));
  const note = notes.find(({ owner, type }) => owner === "Xen" && type === PHYS32_ENTRY);
  const pvhEntry = note === undefined ? undefined : pvhEntryOf(note);
  const entry = pvhEntry ?? headers.entry;
  const isInside = loadable.some(
    ({ physicalAddress, memoryBytes }) =>
      entry >= physicalAddress && entry < physicalAddress + memoryBytes,
  );
  if (!isInside) {
    throw new BootError(
      `boot "${image.name}": its entry ${hex(entry)} is in none of its segments; it is no kernel, or damaged`,
    );
  }
  for (const [index, segment] of loadable.entries()) {
    const place = places[index];
    if (place !== undefined) {
      image.load(segment.offset, place.subarray(0, segment.fileBytes), "segment");
    }
  }
  const last = loadable.at(-1);
  return {
    protocol: pvhEntry === undefined ? "linux64" : "pvh",
    entry,
    end: last === undefined ? 0 : last.physicalAddress + last.memoryBytes,
  };
}
