/**
 * Reads what a loader and a module loader read of a 64-bit little-endian ELF file: the interpreter, the libraries it
 * needs, and a section's bytes (elf(5)). Every offset is checked against the file; nothing is executed.
 */

export interface ElfFile {
  /** PT_INTERP: the path of the dynamic loader. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED: the libraries' names, in the file's order. */
  readonly needed: readonly string[];
  /** The bytes of a section, or nothing where there is no such section. */
  section(name: string): Uint8Array | undefined;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const MAX_LIBRARIES = 256;
/** PATH_MAX. Without a bound, a hostile file's every section could have us read all of it. */
const MAX_NAME_BYTES = 4096;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

export class ElfError extends Error {
  override readonly name = "ElfError";
}

class Reader {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  slice(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.#bytes.length) {
      throw new ElfError(`read ${length} bytes at ${offset}: past the end of the file`);
    }
    return this.#bytes.subarray(offset, offset + length);
  }

  u16(offset: number): number {
    return this.slice(offset, 2).readUInt16LE();
  }

  u32(offset: number): number {
    return this.slice(offset, 4).readUInt32LE();
  }

  u64(offset: number): number {
    const value = this.slice(offset, 8).readBigUInt64LE();
    // Beyond 2^53 it is no offset in a file; the bounds check of its use refuses it.
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  text(offset: number): string {
    const length = this.#bytes.subarray(offset, offset + MAX_NAME_BYTES).indexOf(0);
    if (length < 0) {
      throw new ElfError(`read a name at ${offset}: no end within ${MAX_NAME_BYTES} bytes`);
    }
    return this.slice(offset, length).toString();
  }
}

function segmentsOf(file: Reader): Segment[] {
  const start = file.u64(32);
  return Array.from({ length: file.u16(56) }, (_, index) => {
    const at = start + index * PROGRAM_HEADER_BYTES;
    return {
      type: file.u32(at),
      offset: file.u64(at + 8),
      address: file.u64(at + 16),
      size: file.u64(at + 32),
    };
  });
}

function neededOf(file: Reader, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) {
    return [];
  }
  const names: number[] = [];
  let strings: number | undefined;
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.size; at += 16) {
    const tag = file.u64(at);
    if (tag === DT_NULL || names.length > MAX_LIBRARIES) {
      break;
    }
    if (tag === DT_NEEDED) {
      names.push(file.u64(at + 8));
    } else if (tag === DT_STRTAB) {
      strings = file.u64(at + 8);
    }
  }
  if (names.length === 0 || strings === undefined) {
    return [];
  }
  const address = strings;
  const home = segments.find(
    (s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size,
  );
  if (home === undefined) {
    throw new ElfError("the table of strings is in no segment");
  }
  const table = home.offset + (address - home.address);
  return names.map((name) => file.text(table + name));
}

function sectionOf(file: Reader, wanted: string): Uint8Array | undefined {
  const start = file.u64(40);
  const count = file.u16(60);
  if (start === 0 || count === 0) {
    return undefined;
  }
  const names = file.u64(start + file.u16(62) * SECTION_HEADER_BYTES + 24);
  for (let index = 0; index < count; index++) {
    const at = start + index * SECTION_HEADER_BYTES;
    if (file.text(names + file.u32(at)) === wanted) {
      return file.slice(file.u64(at + 24), file.u64(at + 32));
    }
  }
  return undefined;
}

/** @throws {ElfError} on a file that is not 64-bit little-endian ELF, or whose tables point out of it */
export function readElf(bytes: Uint8Array): ElfFile {
  const file = new Reader(bytes);
  if (
    bytes.length < 64 ||
    file.u32(0) !== 0x464c457f ||
    file.slice(4, 2).readUInt16LE() !== 0x0102
  ) {
    throw new ElfError("not a 64-bit little-endian ELF file");
  }
  const segments = segmentsOf(file);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  return {
    interpreter: interpreter === undefined ? undefined : file.text(interpreter.offset),
    needed: neededOf(file, segments),
    section: (name) => sectionOf(file, name),
  };
}
