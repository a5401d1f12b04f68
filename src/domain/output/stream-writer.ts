/**
 * Drains a pipe into the segments of one output stream: in most cases by one call, into a file that is rotated at an eighth
 * of what is kept. Nothing here waits: what can't be written is counted, and leaves a gap between two segments.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { OutputBytes } from "../../kernel/process/processes.ts";
import type { OutputWitness } from "../executables/outputs.ts";
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
const SEGMENTS_MAX = 64;

/** Most bytes of one turn: who writes without an end must not keep the daemon from everything else. */
const TURN_BYTES = 256 * 1024;

/** Most bytes that are read back at a time. */
const READ_BYTES = 128 * 1024;

/** After a failed write, what comes within this time is lost without another try. */
const RETRY_MS = 50;

let readBuffer: Uint8Array | undefined;

export interface WriterOptions {
  /** The folder of all histories. */
  readonly root: string;
  /** Below it, the folder of this one. */
  readonly relative: string;
  readonly folder: string;
  /** Nothing of it is there yet, so nothing is looked for. */
  readonly isNew?: boolean;
  readonly files: OpenFiles;
  readonly maxBytes: number;
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
    this.segments = options.isNew === true ? [] : findSegments(options.folder, stream);
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

  /**
   * Takes some of what waits: all of it, in most cases.
   * @param witness sees what is taken, as far as it can be read again
   * @throws {SyscallError} where the pipe can't be read
   */
  drain(waiting: OutputBytes, timeMs: number, witness?: OutputWitness): void {
    if (this.#retryAt === 0 || performance.now() >= this.#retryAt) {
      try {
        this.#moveAll(waiting, timeMs, witness);
        this.#retryAt = 0;
        return;
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#lose(waiting.take(), witness);
  }

  /** The executable does not wait for a file that can't be written. */
  #lose(bytes: Uint8Array, witness: OutputWitness | undefined): void {
    if (bytes.length > 0) {
      this.#end += bytes.length;
      this.#lostBytes += bytes.length;
      this.#isBroken = true;
      witness?.(bytes);
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

  /** @throws a file system error */
  #moveAll(waiting: OutputBytes, timeMs: number, witness: OutputWitness | undefined): void {
    // A new segment pushes an old one out, so there has to be something for it.
    for (let left = TURN_BYTES; left > 0 && waiting.waitingBytes > 0;) {
      const { segment, room } = this.#segment();
      const { size } = segment;
      const count = waiting.moveTo(this.#fd ?? -1, size, Math.min(room, left));
      this.#index?.note(size, timeMs);
      segment.size += count;
      this.#end += count;
      if (witness !== undefined) {
        this.#readBack(size, count, witness);
      }
      if (count < room) {
        return;
      }
      left -= count;
    }
  }

  /** The segment that grows, whose file is open then, and how much it can take. @throws a file system error */
  #segment(): { readonly segment: Segment; readonly room: number } {
    const segmentBytes = Math.ceil(this.#maxBytes / SEGMENTS);
    let segment = this.segments.at(-1);
    if (segment === undefined || this.#isBroken || segment.size >= segmentBytes) {
      segment = this.#begin(segmentBytes);
    } else if (this.#fd === undefined) {
      segment = this.#reopen(segment, segmentBytes);
    }
    this.#options.files.touch(this, this.#closeFile);
    return { segment, room: Math.max(segmentBytes - segment.size, 1) };
  }

  /** Shows a witness what went into the file that is open. */
  #readBack(position: number, count: number, witness: OutputWitness): void {
    readBuffer ??= new Uint8Array(READ_BYTES);
    for (let done = 0; done < count;) {
      let length = 0;
      try {
        const most = Math.min(count - done, readBuffer.length);
        length = readSync(this.#fd ?? -1, readBuffer, 0, most, position + done);
      } catch {
        // EIO: it is kept, or it is not; whoever reads it will be told.
      }
      if (length === 0) {
        this.#isBroken = true; // somebody has cut it: what follows would leave a hole that nobody is told of
        return;
      }
      witness(readBuffer.subarray(0, length));
      done += length;
    }
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
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE;
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
      fd = openSync(path, constants.O_RDWR | SAFE);
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
