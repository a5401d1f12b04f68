/**
 * The time index of a segment: from which byte on output came at what time. Records of 16 bytes, little-endian: 6 bytes
 * of offset in the segment, 6 bytes of milliseconds since 1970, and a CRC-32 of both. Whatever a file of it holds, a
 * reader takes the good records and skips the rest; times only get coarser by that.
 */
import { crc32 } from "node:zlib";

export const RECORD_BYTES = 16;

/** Most of an index that is read; the writer stays below a quarter of it. */
export const INDEX_MAX_BYTES = 1024 * 1024;

/** From this many records on, a new one has to stand for a fair share of the segment. */
export const DENSE_RECORDS = 8_192;

export interface TimeRecord {
  /** In bytes, from the segment's start. */
  readonly offset: number;
  readonly timeMs: number;
}

export function encodeRecord({ offset, timeMs }: TimeRecord): Buffer {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeUIntLE(offset, 0, 6);
  bytes.writeUIntLE(timeMs, 6, 6);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
}

/** The good records of an index, in order of their offsets, after those before `after`. */
export function parseIndex(bytes: Buffer, after = -1): TimeRecord[] {
  const records: TimeRecord[] = [];
  let last = after;
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const offset = bytes.readUIntLE(at, 6);
    const isGood = bytes.readUInt32LE(at + 12) === crc32(bytes.subarray(at, at + 12));
    if (isGood && offset > last) {
      records.push({ offset, timeMs: bytes.readUIntLE(at + 6, 6) });
      last = offset;
    }
  }
  return records;
}
