/**
 * Writes the time index of the segment that grows. A record is made whenever the time of a chunk, in milliseconds, is
 * another than that of the one before. Records of a busy stream are gathered for a moment, so that appending to it stays
 * one write; a daemon that is killed in that moment leaves times that are coarser by as much. Nothing here throws.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { FILE_MODE, readPart, SAFE } from "./layout.ts";
import { moveAside } from "./folder.ts";
import {
  DENSE_RECORDS,
  encodeRecord,
  INDEX_MAX_BYTES,
  parseIndex,
  RECORD_BYTES,
} from "./time-index.ts";

/** How long records are gathered. */
const GATHER_MS = 10;

export class IndexFile {
  readonly #path: string;
  /** Bytes of output that a record stands for at least once there are many. */
  readonly #sparseBytes: number;
  #gathered: Buffer[] = [];
  #count = 0;
  #lastOffset = -1;
  #lastMs = -1;
  #lastWriteMs = -1;

  constructor(path: string, segmentBytes: number) {
    this.#path = path;
    this.#sparseBytes = Math.ceil(segmentBytes / DENSE_RECORDS);
  }

  /** Goes on with the index of an earlier daemon: records after a torn one stay aligned. */
  resume(): void {
    const records = parseIndex(readPart(this.#path, 0, INDEX_MAX_BYTES) ?? Buffer.alloc(0));
    this.#count = records.length;
    this.#lastOffset = records.at(-1)?.offset ?? -1;
    this.#withFile((fd) => {
      const { size } = fstatSync(fd);
      if (size % RECORD_BYTES !== 0) {
        ftruncateSync(fd, size - (size % RECORD_BYTES));
      }
    });
  }

  /** Says that a chunk which came at a time begins at an offset of the segment. */
  note(offset: number, timeMs: number): void {
    const isSparse = this.#count >= DENSE_RECORDS;
    if (
      timeMs === this.#lastMs ||
      offset <= this.#lastOffset ||
      (isSparse && offset - this.#lastOffset < this.#sparseBytes)
    ) {
      return;
    }
    this.#lastMs = timeMs;
    this.#lastOffset = offset;
    this.#count += 1;
    this.#gathered.push(encodeRecord({ offset, timeMs }));
    if (Math.abs(timeMs - this.#lastWriteMs) >= GATHER_MS) {
      this.#lastWriteMs = timeMs;
      this.flush();
    }
  }

  flush(): void {
    if (this.#gathered.length > 0) {
      const bytes = Buffer.concat(this.#gathered);
      this.#gathered = [];
      this.#withFile((fd) => void writeSync(fd, bytes));
    }
  }

  #withFile(use: (fd: number) => void): void {
    let fd: number | undefined;
    try {
      fd = this.#open();
      use(fd);
    } catch {
      // ENOSPC, EDQUOT, EIO, ENOENT: times get coarser, and no byte of output is lost by that.
    } finally {
      if (fd !== undefined) {
        closeSync(fd);
      }
    }
  }

  #open(): number {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | SAFE;
    try {
      const fd = openSync(this.#path, flags, FILE_MODE);
      if (fstatSync(fd).isFile()) {
        return fd;
      }
      closeSync(fd);
    } catch {
      // ELOOP, EISDIR, ENXIO (a FIFO) and the like: somebody's, and not ours to write to.
    }
    moveAside(this.#path);
    return openSync(this.#path, flags | constants.O_EXCL, FILE_MODE);
  }
}
