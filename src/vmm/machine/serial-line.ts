/**
 * The serial port's two ends in this process: what the guest sends goes to one descriptor, in pieces and not byte by byte,
 * and what comes from another goes to the guest as it makes room. Neither blocks. A guest is not made to wait for who
 * reads: what does not fit into the buffer is lost, as on a line that nobody listens to.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import { syscallRaw } from "../../kernel/sys/syscall.ts";
import type { InterruptLine } from "../devices/bus.ts";
import { Serial, type SerialHost } from "../devices/serial.ts";
import type { Wait } from "../virtio/device.ts";
import type { LoopSource } from "./device-loop.ts";

const OUTPUT_BYTES = 64 * 1024;
const INPUT_BYTES = 4096;
/** So much is written at once. */
const PIECE_BYTES = 1024;
/** A line that has not ended is written after this time. */
const PATIENCE_MS = 5;
const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);

export interface SerialLineOptions {
  readonly interrupt: InterruptLine;
  readonly inputFd: number;
  readonly outputFd: number;
  /** So many bytes of output were lost since it was told last. */
  readonly onLost: (bytes: number) => void;
}

export class SerialLine implements LoopSource, SerialHost {
  readonly serial: Serial;
  readonly interrupt: InterruptLine;
  readonly #options: SerialLineOptions;
  readonly #output = new Uint8Array(OUTPUT_BYTES);
  #outputLength = 0;
  /** When the first of it came. */
  #outputSinceMs = 0;
  #isOutputFull = false;
  #lostBytes = 0;
  readonly #input = new Uint8Array(INPUT_BYTES);
  /** What came and did not fit into the port. */
  #rest = NOTHING;
  #isRestWanted = false;
  #isInputEnded = false;

  constructor(options: SerialLineOptions) {
    this.#options = options;
    this.interrupt = options.interrupt;
    this.serial = new Serial(this);
  }

  output(byte: number): void {
    if (this.#outputLength === OUTPUT_BYTES) {
      this.#lostBytes += 1;
      return;
    }
    if (this.#outputLength === 0) {
      this.#outputSinceMs = performance.now();
    }
    this.#output[this.#outputLength] = byte;
    this.#outputLength += 1;
    if (!this.#isOutputFull && (byte === NEWLINE || this.#outputLength >= PIECE_BYTES)) {
      this.flush();
    }
  }

  inputWanted(): void {
    this.#isRestWanted = true;
  }

  /** Writes what there is room for. */
  flush(): void {
    const length = this.#outputLength;
    if (length === 0) {
      return;
    }
    // SAFETY: the kernel reads `length` bytes of the buffer, which this holds.
    const count = syscallRaw("write", this.#options.outputFd, this.#output, length);
    this.#isOutputFull = count === -ERRNO.EAGAIN;
    if (this.#isOutputFull || count === -ERRNO.EINTR) {
      return;
    }
    // Nobody reads any more: what there is to say is lost.
    const done = count < 0 ? length : count;
    this.#output.copyWithin(0, done, length);
    this.#outputLength = length - done;
    this.#outputSinceMs = performance.now();
    if (this.#lostBytes > 0) {
      this.#options.onLost(this.#lostBytes);
      this.#lostBytes = 0;
    }
  }

  settle(): number | undefined {
    if (this.#isRestWanted) {
      this.#isRestWanted = false;
      this.#feed(this.#rest);
    }
    if (this.#outputLength === 0 || this.#isOutputFull) {
      return undefined;
    }
    const leftMs = PATIENCE_MS - (performance.now() - this.#outputSinceMs);
    if (leftMs > 0) {
      return Math.ceil(leftMs);
    }
    this.flush();
    return this.#outputLength === 0 || this.#isOutputFull ? undefined : PATIENCE_MS;
  }

  waits(): readonly Wait[] {
    const waits: Wait[] = [];
    if (this.#rest.length === 0 && !this.#isInputEnded) {
      waits.push({ fd: this.#options.inputFd, events: POLLIN });
    }
    if (this.#isOutputFull) {
      waits.push({ fd: this.#options.outputFd, events: POLLOUT });
    }
    return waits;
  }

  ready(fd: number): boolean {
    if (fd === this.#options.outputFd) {
      this.flush();
    }
    return fd === this.#options.inputFd && this.#rest.length === 0 && this.#read();
  }

  #read(): boolean {
    // SAFETY: the kernel writes at most the buffer's length.
    const count = syscallRaw("read", this.#options.inputFd, this.#input, INPUT_BYTES);
    if (count <= 0) {
      this.#isInputEnded = count !== -ERRNO.EAGAIN && count !== -ERRNO.EINTR;
      return false;
    }
    this.#feed(this.#input.subarray(0, count));
    return count === INPUT_BYTES && this.#rest.length === 0;
  }

  #feed(bytes: Uint8Array): void {
    this.#rest = NOTHING;
    const taken = this.serial.feed(bytes);
    this.#rest = taken < bytes.length ? bytes.slice(taken) : NOTHING;
  }
}
