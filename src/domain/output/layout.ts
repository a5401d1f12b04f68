/**
 * Names of the files of a history, and nothing else: `stdout-<start>.seg` with bytes as they came, `stdout-<start>.idx`
 * with the times they came at, and `history.json`. `<start>` is the segment's absolute offset in its stream, in 16
 * hexadecimal digits. So a gap needs no record of its own: it is what lies between one segment's end and the next one's
 * start.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

export const STREAM_NAMES = ["stdout", "stderr"] as const;
export type StreamName = (typeof STREAM_NAMES)[number];

export const METADATA_FILE = "history.json";

/** Offsets are numbers, and stay exact: at 1 GB/s a stream takes 52 days to get there. Names above it are foreign. */
export const MAX_OFFSET = 2 ** 52;

/** Files of a history are for the daemon alone. */
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/** Never follows a link that somebody has put there, and never waits for the other end of a FIFO. */
export const SAFE = constants.O_NOFOLLOW | constants.O_NONBLOCK;

const NAME = /^(stdout|stderr)-([0-9a-f]{16})\.(seg|idx)$/;

export interface HistoryFile {
  readonly stream: StreamName;
  readonly start: number;
  readonly kind: "seg" | "idx";
}

export function fileName({ stream, start, kind }: HistoryFile): string {
  return `${stream}-${start.toString(16).padStart(16, "0")}.${kind}`;
}

/** What a file of a history is, by its name; undefined for one that is not ours. */
export function parseFileName(name: string): HistoryFile | undefined {
  const [, stream, digits = "", kind] = NAME.exec(name) ?? [];
  const start = Number.parseInt(digits, 16);
  if (!(start <= MAX_OFFSET)) {
    return undefined;
  }
  return { stream: stream as StreamName, start, kind: kind as "seg" | "idx" };
}

/** Reads a part of a regular file, or undefined if there is none that can be read. */
export function readPart(path: string, at: number, maxBytes: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | SAFE);
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      return undefined;
    }
    const length = Math.max(0, Math.min(maxBytes, stat.size - at));
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const count = readSync(fd, bytes, done, length - done, at + done);
      if (count === 0) {
        break;
      }
      done += count;
    }
    return bytes.subarray(0, done);
  } catch {
    // ENOENT, ELOOP, EACCES, EIO, EMFILE: what can't be read is told as missed by who wanted it.
    return undefined;
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}
