/**
 * Appends one output stream to its segments: in most cases one write(2) a chunk, into a file that is rotated at an eighth of
 * what is kept. Nothing here throws or waits: what can't be written is counted, and leaves a gap between two segments.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { ensureFolder, moveAside } from "./folder.ts";
import { IndexFile } from "./index-file.ts";
import { FILE_MODE, SAFE, type StreamName } from "./layout.ts";
import type { OpenFiles } from "./open-files.ts";
import {
  findSegments,
  removeFile,
  removeSegment,
  type Segment,
  segmentPath,
  streamEnd,
} from "./segments.ts";

/** What is kept of a stream whose cell says nothing else. */
export const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** Losing the oldest segment loses this share of what is kept. */
const SEGMENTS = 8;

/** Most segments, also when a disk that is full now and then makes them short. */
export const SEGMENTS_MAX = 64;

/** After a failed write, what comes within this time is lost without another try. */
const RETRY_MS = 50;

export type WriteFile = (fd: number, bytes: Uint8Array, at: number, length: number) => number;

export interface WriterOptions {
  /** The folder of all histories. */
  readonly root: string;
  /** Below it, the folder of this one. */
  readonly relative: string;
  readonly folder: string;
  readonly files: OpenFiles;
  readonly maxBytes: number;
  /** Writes a part of the bytes and answers with how many it wrote; for tests of full disks. */
  readonly write?: WriteFile | undefined;
  /** The stream goes on no sooner than here, whatever is left of its files. */
  readonly minEnd: number;
}

export class StreamWriter {
  readonly stream: StreamName;
  readonly segments: Segment[];
  readonly #options: WriterOptions;
  #maxBytes: number;
  #fd: number | undefined;
  #index: IndexFile | undefined;
  /** Whether the last segment can't take what comes next: it was cut, or a gap lies between. */
  #isBroken = false;
  #end: number;
  #lostBytes = 0;
  #retryAt = 0;

  constructor(stream: StreamName, options: WriterOptions) {
    this.stream = stream;
    this.#options = options;
    this.#maxBytes = options.maxBytes;
    this.segments = findSegments(options.folder, stream);
    const last = this.segments.at(-1);
    const fileEnd = last === undefined ? 0 : last.start + last.size;
    this.#end = Math.max(options.minEnd, streamEnd(options.folder, stream, this.segments));
    this.#isBroken = this.#end !== fileEnd;
  }

  /** The absolute offset behind the last byte, lost ones included. */
  get end(): number {
    return this.#end;
  }

  /** How much could not be written. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** Takes effect when the next segment begins. */
  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
  }

  append(bytes: Uint8Array, timeMs: number): void {
    let at = 0;
    if (this.#retryAt === 0 || performance.now() >= this.#retryAt) {
      try {
        while (at < bytes.length) {
          at += this.#write(at === 0 ? bytes : bytes.subarray(at), timeMs);
        }
        this.#retryAt = 0;
      } catch (error) {
        this.#fail(error);
      }
    }
    if (at < bytes.length) {
      this.#end += bytes.length - at;
      this.#lostBytes += bytes.length - at;
      this.#isBroken = true;
    }
  }

  /** Has the times of all that was appended written. */
  flushIndex(): void {
    this.#index?.flush();
  }

  close(): void {
    this.flushIndex();
    this.#options.files.forget(this);
    this.#closeFile();
  }

  /** @returns how many bytes went into the segment @throws a file system error */
  #write(bytes: Uint8Array, timeMs: number): number {
    const segmentBytes = Math.ceil(this.#maxBytes / SEGMENTS);
    let segment = this.segments.at(-1);
    if (segment === undefined || this.#isBroken || segment.size >= segmentBytes) {
      segment = this.#begin(segmentBytes);
    } else if (this.#fd === undefined) {
      segment = this.#reopen(segment, segmentBytes);
    }
    this.#options.files.touch(this, this.#closeFile);
    const room = Math.max(segmentBytes - segment.size, 1);
    const write = this.#options.write ?? writeSync;
    const count = write(this.#fd ?? -1, bytes, 0, Math.min(room, bytes.length));
    this.#index?.note(segment.size, timeMs);
    segment.size += count;
    this.#end += count;
    return count;
  }

  #begin(segmentBytes: number): Segment {
    this.close();
    this.#index = undefined;
    this.#makeRoom(segmentBytes);
    const segment = { start: this.#end, size: 0 };
    this.#fd = this.#create(segmentPath(this.#options.folder, this.stream, segment));
    this.#isBroken = false;
    // Left of a segment that somebody removed; its times would be taken for this one's.
    removeFile(segmentPath(this.#options.folder, this.stream, segment, "idx"));
    this.#index = this.#indexOf(segment, segmentBytes);
    this.segments.push(segment);
    return segment;
  }

  #create(path: string): number {
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | SAFE;
    try {
      return openSync(path, flags, FILE_MODE);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) {
        ensureFolder(this.#options.root, this.#options.relative);
      } else if (isErrno(error, "EEXIST", "ELOOP")) {
        moveAside(path);
      } else {
        throw error;
      }
      return openSync(path, flags, FILE_MODE);
    }
  }

  /** Goes on with the last segment if it is what it was; else with a new one. */
  #reopen(segment: Segment, segmentBytes: number): Segment {
    const path = segmentPath(this.#options.folder, this.stream, segment);
    let fd: number | undefined;
    try {
      fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | SAFE);
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.nlink === 1 && stat.size === segment.size) {
        this.#fd = fd;
        this.#index ??= this.#indexOf(segment, segmentBytes, true);
        return segment;
      }
      closeSync(fd);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO", "EACCES")) {
        throw error;
      }
    }
    return this.#begin(segmentBytes);
  }

  #indexOf(segment: Segment, segmentBytes: number, resumes = false): IndexFile {
    const path = segmentPath(this.#options.folder, this.stream, segment, "idx");
    const index = new IndexFile(path, segmentBytes);
    if (resumes) {
      index.resume();
    }
    return index;
  }

  /** Removes the oldest, so that a new segment fits. One that nothing was written into goes as well. */
  #makeRoom(segmentBytes: number): void {
    const last = this.segments.at(-1);
    if (last?.size === 0) {
      removeSegment(this.#options.folder, this.stream, last);
      this.segments.pop();
    }
    let total = this.segments.reduce((sum, { size }) => sum + size, 0);
    while (
      this.segments.length > 0 &&
      (total + segmentBytes > this.#maxBytes || this.segments.length >= SEGMENTS_MAX)
    ) {
      const oldest = this.segments.shift();
      if (oldest !== undefined) {
        removeSegment(this.#options.folder, this.stream, oldest);
        total -= oldest.size;
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#retryAt === 0) {
      // ENOSPC, EDQUOT, EIO, EROFS, EMFILE: the executable goes on without its history.
      log.warn("losing output of an executable", {
        folder: this.#options.folder,
        stream: this.stream,
        cause: messageOf(error),
      });
    }
    this.#retryAt = performance.now() + RETRY_MS;
  }

  readonly #closeFile = (): void => {
    if (this.#fd !== undefined) {
      closeSync(this.#fd);
      this.#fd = undefined;
    }
  };
}
