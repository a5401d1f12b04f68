/**
 * Keeps one output stream of an executable in a bounded pair of files: `<stream>.log`, and `<stream>.log.1` with what
 * was before. Appending never fails towards its caller: what a full disk refuses is counted, so that an executable
 * never waits for its log.
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** The size at which a file is rotated; with the one before it, a stream keeps the last 8 to 16 MiB. */
export const OUTPUT_FILE_BYTES = 8 * 1024 * 1024;

export type OutputStream = "stdout" | "stderr";

export class OutputLog {
  readonly path: string;
  readonly #maxBytes: number;
  #fd: number | undefined;
  #size = 0;
  #lostBytes = 0;

  /** Starts a stream anew: what an earlier executable of the same name left there is removed. */
  constructor(directory: string, stream: OutputStream, maxBytes = OUTPUT_FILE_BYTES) {
    this.path = join(directory, `${stream}.log`);
    this.#maxBytes = maxBytes;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(`${this.path}.1`, { force: true });
    rmSync(this.path, { force: true });
    this.#open();
  }

  /** How much could not be written. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  append(bytes: Uint8Array): void {
    let at = 0;
    try {
      if (this.#size >= this.#maxBytes) {
        this.#rotate();
      }
      if (this.#fd === undefined) {
        this.#open();
      }
      while (at < bytes.length && this.#fd !== undefined) {
        at += writeSync(this.#fd, bytes, at);
      }
    } catch {
      // ENOSPC, EDQUOT, EIO, EROFS: the executable goes on without its log, and the loss is counted.
    }
    this.#size += at;
    this.#lostBytes += bytes.length - at;
  }

  #open(): void {
    // Exclusive: a link that somebody put there is not followed.
    this.#fd = openSync(this.path, "ax", 0o600);
    this.#size = 0;
  }

  #rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.#open();
  }

  close(): void {
    if (this.#fd !== undefined) {
      closeSync(this.#fd);
      this.#fd = undefined;
    }
  }
}
