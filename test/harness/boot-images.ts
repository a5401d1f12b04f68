/** Kernels for tests: small ones made byte by byte, and the ELF file inside of a distribution's bzImage. */
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { memoryRanges } from "../../src/vmm/memory-map.ts";

export const MIB = 1024 * 1024;

/** Guest memory of that size, laid out as a machine's is; pages that nobody touches cost nothing. */
export function guestMemory(bytes: number): GuestMemory {
  return new GuestMemory(
    memoryRanges(bytes).map(({ start, length }) => ({ start, bytes: new Uint8Array(length) })),
  );
}

export interface Segment {
  readonly type: number;
  readonly physicalAddress: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes?: number;
  readonly alignment?: number;
}

/** A 64-bit ELF executable for x86-64 of these segments, in this order. */
export function elfFile(entry: number, segments: readonly Segment[]): Uint8Array {
  const headersBytes = 64 + segments.length * 56;
  const total = segments.reduce((sum, { bytes }) => sum + bytes.length, headersBytes);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  let offset = headersBytes;
  for (const [index, segment] of segments.entries()) {
    const at = 64 + index * 56;
    view.setUint32(at, segment.type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 24, BigInt(segment.physicalAddress), true);
    view.setBigUint64(at + 32, BigInt(segment.bytes.length), true);
    view.setBigUint64(at + 40, BigInt(segment.memoryBytes ?? segment.bytes.length), true);
    view.setBigUint64(at + 48, BigInt(segment.alignment ?? 4), true);
    file.set(segment.bytes, offset);
    offset += segment.bytes.length;
  }
  return file;
}

/** One ELF note, padded to four bytes. */
export function elfNote(owner: string, type: number, description: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(`${owner}\0`);
  const descriptionAt = 12 + Math.ceil(name.length / 4) * 4;
  const note = new Uint8Array(descriptionAt + Math.ceil(description.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, name.length, true);
  view.setUint32(4, description.length, true);
  view.setUint32(8, type, true);
  note.set(name, 12);
  note.set(description, descriptionAt);
  return note;
}

export interface BzImageFields {
  readonly version?: number;
  readonly loadFlags?: number;
  readonly extendedLoadFlags?: number;
  readonly preferredAddress?: number;
  readonly alignment?: number;
  readonly isRelocatable?: boolean;
  readonly initBytes?: number;
  readonly statedParagraphs?: number;
}

/** A bzImage of one setup sector and this kernel, which is a multiple of 16 bytes long. */
export function bzImage(kernel: Uint8Array, fields: BzImageFields = {}): Uint8Array {
  const file = new Uint8Array(1024 + kernel.length);
  const view = new DataView(file.buffer);
  file[0x1f1] = 1;
  view.setUint32(0x1f4, fields.statedParagraphs ?? kernel.length / 16, true);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true);
  file.set(new TextEncoder().encode("HdrS"), 0x202);
  view.setUint16(0x206, fields.version ?? 0x20f, true);
  view.setUint8(0x211, fields.loadFlags ?? 1);
  view.setUint32(0x22c, 0x7fff_ffff, true);
  view.setUint32(0x230, fields.alignment ?? 2 * MIB, true);
  view.setUint8(0x234, (fields.isRelocatable ?? true) ? 1 : 0);
  view.setUint16(0x236, fields.extendedLoadFlags ?? 1, true);
  view.setUint32(0x238, 255, true);
  view.setBigUint64(0x258, BigInt(fields.preferredAddress ?? 4 * MIB), true);
  view.setUint32(0x260, fields.initBytes ?? MIB, true);
  file.set(kernel, 1024);
  return file;
}

const LZ4_LEGACY_MAGIC = 0x184c_2102;
const LZ4_MIN_MATCH = 4;

/** One block of LZ4 (lz4_Block_format.md), decoded to `out` from `at` on. Returns where it ends. */
function lz4Block(block: Uint8Array, out: Uint8Array, start: number): number {
  let at = 0;
  let to = start;
  const byte = (): number => {
    at += 1;
    return block[at - 1]!;
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) {
      more = byte();
    }
    return length;
  };
  while (at < block.length) {
    const token = byte();
    const literals = lengthOf(token >> 4);
    out.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at >= block.length) {
      break;
    }
    const distance = byte() | (byte() << 8);
    const length = lengthOf(token & 15) + LZ4_MIN_MATCH;
    if (distance >= length) {
      out.copyWithin(to, to - distance, to - distance + length);
    } else {
      for (let i = 0; i < length; i += 1) {
        out[to + i] = out[to + i - distance]!;
      }
    }
    to += length;
  }
  return to;
}

/** The `vmlinux` that a bzImage unpacks, where it is packed with LZ4, as Debian's is; else nothing. */
export function vmlinuxPayload(image: Uint8Array): Uint8Array | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const start = (image[0x1f1]! + 1) * 512 + view.getUint32(0x248, true);
  const bytes = view.getUint32(0x24c, true);
  if (view.getUint32(start, true) !== LZ4_LEGACY_MAGIC) {
    return undefined;
  }
  // The last four bytes are the unpacked size.
  const end = start + bytes - 4;
  const out = new Uint8Array(view.getUint32(end, true));
  let to = 0;
  for (let at = start + 4; at < end;) {
    const length = view.getUint32(at, true);
    to = lz4Block(image.subarray(at + 4, at + 4 + length), out, to);
    at += 4 + length;
  }
  return out.subarray(0, to);
}
