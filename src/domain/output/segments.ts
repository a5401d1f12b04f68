/** The segments of one stream that are on disk: finds them, and removes the oldest. Opens none of them. */
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  fileName,
  type HistoryFile,
  MAX_OFFSET,
  parseFileName,
  readPart,
  type StreamName,
} from "./layout.ts";
import { INDEX_MAX_BYTES, parseIndex } from "./time-index.ts";

/** Bytes `start` to `start + size` of a stream. */
export interface Segment {
  /** Absolute offset in the stream, in bytes. */
  readonly start: number;
  size: number;
}

export function segmentPath(
  folder: string,
  stream: StreamName,
  segment: Segment,
  kind: HistoryFile["kind"] = "seg",
): string {
  return join(folder, fileName({ stream, start: segment.start, kind }));
}

function sizeOf(path: string): number | undefined {
  try {
    const stat = lstatSync(path);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    return undefined; // ENOENT, EACCES, EIO
  }
}

/** The segments of a stream by their start. One that reaches into the next is cut: each byte is in one place only. */
export function findSegments(folder: string, stream: StreamName): Segment[] {
  let names: string[];
  try {
    // In most cases it is not there yet, and an error costs more than a look.
    names = existsSync(folder) ? readdirSync(folder) : [];
  } catch {
    return []; // ENOENT, ENOTDIR, EACCES
  }
  const found: Segment[] = [];
  for (const name of names) {
    const file = parseFileName(name);
    if (file?.stream === stream && file.kind === "seg") {
      const size = sizeOf(join(folder, name));
      if (size !== undefined && file.start + size <= MAX_OFFSET) {
        found.push({ start: file.start, size });
      }
    }
  }
  found.sort((a, b) => a.start - b.start);
  found.forEach((segment, i) => {
    const next = found[i + 1];
    if (next !== undefined) {
      segment.size = Math.min(segment.size, next.start - segment.start);
    }
  });
  return found;
}

/** The end of a stream as far as its files know it; an index may know of bytes that its segment has lost. */
export function streamEnd(
  folder: string,
  stream: StreamName,
  segments: readonly Segment[],
): number {
  const last = segments.at(-1);
  if (last === undefined) {
    return 0;
  }
  const index = readPart(segmentPath(folder, stream, last, "idx"), 0, INDEX_MAX_BYTES);
  const known = index === undefined ? -1 : (parseIndex(index).at(-1)?.offset ?? -1);
  return last.start + Math.max(last.size, known + 1);
}

/** Removes a file that is ours by its name. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // EISDIR, EROFS, EIO: what can't be removed is not ours, or no longer in our hands.
  }
}

export function removeSegment(folder: string, stream: StreamName, segment: Segment): void {
  for (const kind of ["seg", "idx"] as const) {
    removeFile(segmentPath(folder, stream, segment, kind));
  }
}

/** The last segment that starts at an offset or before it. */
export function segmentAt(segments: readonly Segment[], offset: number): Segment | undefined {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle]?.start ?? 0) <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return segments[low - 1];
}
