/**
 * Pieces of guest memory that a driver handed over, in its order, and copies to and from them. The pieces are checked
 * already (`chain.ts`); their bytes may change at any time, so what is decided on is copied first.
 */
import type { IoVector } from "../../kernel/io/io-vector.ts";
import type { MemoryRegion } from "../memory/guest-memory.ts";

export interface Segment {
  readonly region: MemoryRegion;
  /** Within the region. */
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

export type Segments = readonly Segment[];

/** Adds them to what one call reads or writes. @returns false where not all go into one, and some may have been added */
export function addTo(vector: IoVector, segments: Segments): boolean {
  for (const { region, offset, length } of segments) {
    if (!vector.add(region.bytes, offset, length)) {
      return false;
    }
  }
  return true;
}

/** How many bytes they hold. */
export function bytesIn(segments: Segments): number {
  let total = 0;
  for (const { length } of segments) {
    total += length;
  }
  return total;
}

/** The part of them that begins after `skip` bytes and has at most `length`. */
export function slice(segments: Segments, skip: number, length: number): Segment[] {
  const part: Segment[] = [];
  let skipped = skip;
  let left = length;
  for (const segment of segments) {
    if (left <= 0) {
      break;
    }
    if (skipped >= segment.length) {
      skipped -= segment.length;
      continue;
    }
    const size = Math.min(segment.length - skipped, left);
    part.push({ region: segment.region, offset: segment.offset + skipped, length: size });
    left -= size;
    skipped = 0;
  }
  return part;
}

/** Copies from them, after `skip` bytes, for as much as both sides have. @returns the bytes copied */
export function copyFrom(segments: Segments, skip: number, target: Uint8Array): number {
  let at = 0;
  for (const { region, offset, length } of slice(segments, skip, target.length)) {
    target.set(region.bytes.subarray(offset, offset + length), at);
    at += length;
  }
  return at;
}

/** Copies into them, after `skip` bytes, for as much as both sides have. @returns the bytes copied */
export function copyTo(segments: Segments, skip: number, source: Uint8Array): number {
  let at = 0;
  for (const { region, offset, length } of slice(segments, skip, source.length)) {
    region.bytes.set(source.subarray(at, at + length), offset);
    at += length;
  }
  return at;
}
