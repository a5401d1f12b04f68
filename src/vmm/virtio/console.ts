/**
 * The console (virtio 1.2, 5.3) with one port: bytes from the guest go to one descriptor of the host's, and bytes of
 * another to the guest, both right from and into its memory. Neither side is buffered here: whoever does not read has
 * the other wait.
 *
 * The descriptors do not block, and belong to whoever opened them: pipes, or both the same terminal or socket.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import { CONSOLE_CONFIG, VIRTIO_CONSOLE_F_SIZE } from "../../kernel/abi/virtio-console.ts";
import { VIRTIO_ID_CONSOLE } from "../../kernel/abi/virtio.ts";
import { IoVector, MAX_VECTORS, readVector, writeVector } from "../../kernel/io/io-vector.ts";
import type { DescriptorChain } from "./chain.ts";
import { type DeviceContext, featuresOf, type VirtioDevice, type Wait } from "./device.ts";
import type { Virtqueue } from "./queue.ts";
import { addTo, bytesIn, type Segments, slice } from "./segments.ts";
import { StateReader, type VersionedState } from "./state.ts";

const QUEUE_SIZE = 64;
const STATE_VERSION = 1;
const RECEIVE = 0;
const TRANSMIT = 1;
/** Of one buffer, at a time: the rest of a longer one is read later. */
const MAX_READ_BYTES = 64 * 1024;
/** Buffers filled by one call, so that other devices have their turn. */
const MAX_READS = 16;
const U16_MAX = 0xffff;

export interface ConsoleOptions {
  /** The guest reads from it. */
  readonly inputFd: number;
  /** The guest writes to it. */
  readonly outputFd: number;
  readonly columns: number;
  readonly rows: number;
}

export class ConsoleDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_CONSOLE;
  readonly name = "console";
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly features = featuresOf([VIRTIO_CONSOLE_F_SIZE]);
  readonly config = new Uint8Array(CONSOLE_CONFIG.size);
  readonly #inputFd: number;
  readonly #outputFd: number;
  readonly #vector = new IoVector(MAX_VECTORS);
  #receive: Virtqueue | undefined;
  #transmit: Virtqueue | undefined;
  /** How much of the chain that is next to be sent is sent already. */
  #sentBytes = 0;
  #isOutputFull = false;
  #hasBuffers = true;
  /** The descriptor has ended: nothing comes from it any more. */
  #isInputEnded = false;

  constructor({ inputFd, outputFd, columns, rows }: ConsoleOptions) {
    this.#inputFd = inputFd;
    this.#outputFd = outputFd;
    this.resize(columns, rows);
  }

  /** The terminal has another size, of which the driver has to be told: `configChanged`. */
  resize(columns: number, rows: number): void {
    const [cols, lines] = [columns, rows].map((count) => Math.min(Math.max(count, 0), U16_MAX));
    CONSOLE_CONFIG.write(new DataView(this.config.buffer), { cols: cols ?? 0, rows: lines ?? 0 });
  }

  activate({ queues }: DeviceContext): void {
    this.#receive = queues[RECEIVE];
    this.#transmit = queues[TRANSMIT];
    this.#hasBuffers = true;
  }

  reset(): void {
    this.#receive = undefined;
    this.#transmit = undefined;
    this.#sentBytes = 0;
    this.#isOutputFull = false;
  }

  drain(index: number): boolean {
    if (index === TRANSMIT) {
      return this.#send();
    }
    this.#hasBuffers = true;
    return this.#fill();
  }

  waits(): readonly Wait[] {
    const waits: Wait[] = [];
    if (this.#hasBuffers && !this.#isInputEnded) {
      waits.push({ fd: this.#inputFd, events: POLLIN });
    }
    if (this.#isOutputFull) {
      waits.push({ fd: this.#outputFd, events: POLLOUT });
    }
    return waits;
  }

  /** One descriptor may be both. What is not ready says so. */
  ready(fd: number): boolean {
    const isMore = fd === this.#outputFd && this.#isOutputFull && this.#send();
    return (fd === this.#inputFd && this.#fill()) || isMore;
  }

  #send(): boolean {
    const queue = this.#transmit;
    this.#isOutputFull = false;
    return queue?.consume((chain) => this.#sendChain(queue, chain)) ?? false;
  }

  /** Sends what is left of a chain. @returns whether it is all sent, or lost with a reader that is gone */
  #sendChain(queue: Virtqueue, { head, readable }: DescriptorChain): boolean {
    const total = bytesIn(readable);
    while (this.#sentBytes < total) {
      const count = writeVector(this.#outputFd, this.#rest(readable, this.#sentBytes, total));
      if (count === -ERRNO.EAGAIN) {
        this.#isOutputFull = true;
        return false;
      }
      // Nobody reads any more: a guest does not stop for that, as one with a serial line does not.
      this.#sentBytes = count <= 0 ? total : this.#sentBytes + count;
    }
    this.#sentBytes = 0;
    queue.push({ head, readable: [], writable: [] }, 0);
    return true;
  }

  #rest(segments: Segments, skip: number, length: number): IoVector {
    this.#vector.clear();
    addTo(this.#vector, slice(segments, skip, length));
    return this.#vector;
  }

  /** Reads into the driver's buffers for as long as there are both. */
  #fill(): boolean {
    const queue = this.#receive;
    if (queue === undefined || this.#isInputEnded) {
      return false;
    }
    for (let reads = 0; reads < MAX_READS; reads++) {
      const chain = queue.pop();
      if (chain === undefined) {
        this.#hasBuffers = queue.arm();
        if (!this.#hasBuffers) {
          return false; // the driver tells when it has more
        }
      } else if (!this.#readChain(queue, chain)) {
        return false;
      }
    }
    return true;
  }

  /** @returns whether there may be more to read */
  #readChain(queue: Virtqueue, chain: DescriptorChain): boolean {
    if (chain.writable.length === 0) {
      queue.push(chain, 0);
      return true;
    }
    const count = readVector(this.#inputFd, this.#rest(chain.writable, 0, MAX_READ_BYTES));
    if (count > 0) {
      queue.push(chain, count);
      return true;
    }
    queue.rewind(1);
    // A terminal that nobody has open answers EIO, and may be opened again.
    this.#isInputEnded = count !== -ERRNO.EAGAIN;
    return false;
  }

  /** The input may be read again, by a descriptor of the same number: after its end, a terminal was opened again. */
  resumeInput(): void {
    this.#isInputEnded = false;
  }

  save(): VersionedState {
    return { version: STATE_VERSION, sentBytes: this.#sentBytes };
  }

  restore(state: unknown): void {
    const reader = new StateReader("console", state, STATE_VERSION);
    this.#sentBytes = reader.number("sentBytes", Number.MAX_SAFE_INTEGER);
    // Whether there is room is found out by sending: what waits is sent when the descriptor is ready.
    this.#isOutputFull = true;
  }
}
