/** Output that was read already, and waits in memory. */
import { writeSync } from "node:fs";
import type { OutputBytes } from "./processes.ts";

const NOTHING = new Uint8Array(0);

export class HeldBytes implements OutputBytes {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array = NOTHING) {
    this.#bytes = bytes;
  }

  /** Has these wait, where nothing does. */
  hold(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  get waitingBytes(): number {
    return this.#bytes.length;
  }

  moveTo(fd: number, position: number, maxBytes: number): number {
    const most = Math.min(this.#bytes.length, maxBytes);
    const count = most === 0 ? 0 : writeSync(fd, this.#bytes, 0, most, position);
    this.#bytes = this.#bytes.subarray(count);
    return count;
  }

  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    return bytes;
  }
}
