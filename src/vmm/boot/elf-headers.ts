/**
 * Reads the headers of a 64-bit little-endian ELF file (elf(5)), and its notes. Every count and size in it is bounded;
 * nothing is loaded here.
 */
import { BootError } from "./boot-error.ts";
import type { Image } from "./image.ts";

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
/** Kernels have about five. */
const MAX_SEGMENTS = 128;
/** All notes of a kernel are below 1 KiB. */
const MAX_NOTES_BYTES = 64 * 1024;
const NOTE_HEADER_BYTES = 12;
const NOTE_ALIGNMENT = 4;
const NOTE_WIDE_ALIGNMENT = 8;

const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;

export const PT_LOAD = 1;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const PT_TLS = 7;

/** Numbers beyond 2^53 are not exact, and so large that no check of a range lets them pass. */
export interface ElfSegment {
  readonly type: number;
  readonly offset: number;
  readonly physicalAddress: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

export interface ElfHeaders {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
}

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly description: DataView;
}

function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function identityFault(header: DataView): string | undefined {
  const type = header.getUint16(16, true);
  const machine = header.getUint16(18, true);
  if (header.getUint8(4) !== ELFCLASS64) {
    return "it is a 32-bit ELF file; give a 64-bit kernel";
  }
  if (header.getUint8(5) !== ELFDATA2LSB || machine !== EM_X86_64) {
    return `it is for another processor (ELF machine ${machine}), and this machine is x86-64`;
  }
  if (type !== ET_EXEC && type !== ET_DYN) {
    return "it is an object file that was not linked, such as a kernel module";
  }
  return undefined;
}

/** @throws {BootError} on what is no executable for x86-64, or is cut */
export function readElfHeaders(image: Image): ElfHeaders {
  const header = image.slice(0, HEADER_BYTES, "ELF header");
  const fault = identityFault(header);
  if (fault !== undefined) {
    throw new BootError(`boot "${image.name}": ${fault}`);
  }
  const count = header.getUint16(56, true);
  if (count > MAX_SEGMENTS || header.getUint16(54, true) !== SEGMENT_BYTES) {
    throw new BootError(
      `boot "${image.name}": its program headers (${count} of ${header.getUint16(54, true)} bytes) are not those of a kernel; the file is damaged`,
    );
  }
  const table = image.slice(u64(header, 32), count * SEGMENT_BYTES, "program headers");
  const segments = Array.from({ length: count }, (_, index) => {
    const at = index * SEGMENT_BYTES;
    return {
      type: table.getUint32(at, true),
      offset: u64(table, at + 8),
      physicalAddress: u64(table, at + 24),
      fileBytes: u64(table, at + 32),
      memoryBytes: u64(table, at + 40),
      alignment: u64(table, at + 48),
    };
  });
  return { entry: u64(header, 24), segments };
}

function paddedTo(alignment: number, length: number): number {
  return Math.ceil(length / alignment) * alignment;
}

/** The notes of one segment, as far as they are whole. @throws {BootError} if the segment is absurdly large or cut */
export function readElfNotes(image: Image, segment: ElfSegment): ElfNote[] {
  if (segment.fileBytes > MAX_NOTES_BYTES) {
    throw new BootError(
      `boot "${image.name}": ${segment.fileBytes} bytes of ELF notes, and ${MAX_NOTES_BYTES} is the most; the file is damaged`,
    );
  }
  const table = image.slice(segment.offset, segment.fileBytes, "ELF notes");
  const alignment =
    segment.alignment === NOTE_WIDE_ALIGNMENT ? NOTE_WIDE_ALIGNMENT : NOTE_ALIGNMENT;
  const notes: ElfNote[] = [];
  for (let at = 0; at + NOTE_HEADER_BYTES <= table.byteLength;) {
    const ownerBytes = table.getUint32(at, true);
    const descriptionBytes = table.getUint32(at + 4, true);
    const ownerAt = at + NOTE_HEADER_BYTES;
    const descriptionAt = at + paddedTo(alignment, NOTE_HEADER_BYTES + ownerBytes);
    if (descriptionAt + descriptionBytes > table.byteLength) {
      break;
    }
    const owner = new Uint8Array(table.buffer, table.byteOffset + ownerAt, ownerBytes);
    notes.push({
      owner: new TextDecoder("latin1").decode(owner).replace(/\0+$/, ""),
      type: table.getUint32(at + 8, true),
      description: new DataView(table.buffer, table.byteOffset + descriptionAt, descriptionBytes),
    });
    at = descriptionAt + paddedTo(alignment, descriptionBytes);
  }
  return notes;
}
