/**
 * How a processor's thread asks the thread of a device: a place in shared memory for one access, with a lock between
 * processors, and an eventfd that wakes the device's thread where it sleeps. The processor waits for the answer, as a real
 * one does for its bus. Neither side allocates anything for an access.
 *
 * There is one exception, for what kernels print: bytes for the serial port are posted into a ring, and its status is read
 * from here, for as long as the port says that it is as plain as that. What is posted comes before what is asked later.
 */
import { SERIAL_PORTS } from "../memory-map.ts";
import type { Bell } from "./bell.ts";

export type Space = "port" | "mmio";

/** Answers an access. `data` is what was written, or where the answer goes. Throws nothing. */
export type AccessHandler = (
  space: Space,
  isWrite: boolean,
  address: number,
  data: Uint8Array,
) => void;

const LOCK = 0;
const STATE = 1;
const ASLEEP = 2;
const OPERATION = 3;
const ADDRESS_LOW = 4;
const ADDRESS_HIGH = 5;
const STATUS = 6;
/** How many bytes were ever posted, and how many of those were taken, both modulo 2^32. */
const POSTED = 7;
const TAKEN_POSTS = 8;
const DATA_OFFSET = 40;
const MAX_BYTES = 8;
const RING_OFFSET = DATA_OFFSET + MAX_BYTES;
const RING_BYTES = 256;
const BYTES = RING_OFFSET + RING_BYTES;
/** Where posted bytes go: the serial port's data register. */
const POSTED_PORT = SERIAL_PORTS.port;

/** How often who waits looks again before it sleeps: for some 10 microseconds, and not at all on a single processor. */
const SPINS = navigator.hardwareConcurrency > 1 ? 300 : 0;
/** So that queues have their turn. */
const MAX_IN_A_ROW = 1000;

const FREE = 0;
const TAKEN = 1;
const WANTED = 2;

const IDLE = 0;
const REQUESTED = 1;
const ANSWERED = 2;
/** The device's thread is gone: for good. */
const CLOSED = 3;

const WRITE = 1;
const MMIO = 2;
const LENGTH_SHIFT = 8;
const WORD = 2 ** 32;
/** What a bus reads as where nobody drives it. */
const FLOATING = 0xff;

export class AccessMailbox {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #data: readonly Uint8Array[];
  readonly #ring: Uint8Array;
  readonly #one = new Uint8Array(1);
  readonly #doorbell: Bell;

  /** @param doorbell wakes the device's thread @param memory of the same mailbox in another thread */
  constructor(doorbell: Bell, memory = new SharedArrayBuffer(BYTES)) {
    this.#doorbell = doorbell;
    this.#words = new Int32Array(memory, 0, DATA_OFFSET / Int32Array.BYTES_PER_ELEMENT);
    this.#ring = new Uint8Array(memory, RING_OFFSET, RING_BYTES);
    this.#bytes = new Uint8Array(memory, DATA_OFFSET, MAX_BYTES);
    this.#data = Array.from({ length: MAX_BYTES + 1 }, (_, length) =>
      this.#bytes.subarray(0, length),
    );
  }

  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  /** For a processor's thread: fills `data` with the answer, of 1 to 8 bytes; ones where nobody is there to give it. */
  read(space: Space, address: number, data: Uint8Array): void {
    this.#lock();
    if (this.#ask(space === "mmio" ? MMIO : 0, address, data.length)) {
      for (let i = 0; i < data.length; i++) {
        data[i] = this.#bytes[i] ?? FLOATING;
      }
    } else {
      data.fill(FLOATING);
    }
    this.#unlock();
  }

  /** For a processor's thread: returns when the write is done. */
  write(space: Space, address: number, data: Uint8Array): void {
    this.#lock();
    for (let i = 0; i < data.length; i++) {
      this.#bytes[i] = data[i] ?? 0;
    }
    this.#ask(WRITE | (space === "mmio" ? MMIO : 0), address, data.length);
    this.#unlock();
  }

  /** @returns whether there is an answer */
  #ask(operation: number, address: number, length: number): boolean {
    const words = this.#words;
    words[OPERATION] = operation | (length << LENGTH_SHIFT);
    words[ADDRESS_LOW] = address % WORD;
    words[ADDRESS_HIGH] = address / WORD;
    if (Atomics.compareExchange(words, STATE, IDLE, REQUESTED) !== IDLE) {
      return false;
    }
    this.#wake();
    for (let i = 0; i < SPINS && Atomics.load(words, STATE) === REQUESTED; i++) {
      Atomics.pause(); // the answer is often on its way
    }
    while (Atomics.load(words, STATE) === REQUESTED) {
      Atomics.wait(words, STATE, REQUESTED);
    }
    return Atomics.compareExchange(words, STATE, ANSWERED, IDLE) === ANSWERED;
  }

  #wake(): void {
    if (Atomics.load(this.#words, ASLEEP) !== 0) {
      this.#doorbell.signal();
    }
  }

  /** What the serial port's line status reads as; 0: it has to be asked. For the device's thread to set. */
  get serialStatus(): number {
    return Atomics.load(this.#words, STATUS);
  }

  set serialStatus(status: number) {
    Atomics.store(this.#words, STATUS, status);
  }

  /** For a processor's thread: sends a byte over the serial port, and waits for nothing. @returns false where it must ask */
  postSerial(byte: number): boolean {
    const words = this.#words;
    this.#lock();
    const at = words[POSTED] ?? 0;
    const isTaken =
      Atomics.load(words, STATUS) !== 0 &&
      ((at - Atomics.load(words, TAKEN_POSTS)) | 0) < RING_BYTES;
    if (isTaken) {
      this.#ring[at & (RING_BYTES - 1)] = byte;
      Atomics.store(words, POSTED, (at + 1) | 0);
    }
    this.#unlock();
    if (isTaken) {
      this.#wake();
    }
    return isTaken;
  }

  #lock(): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, LOCK, FREE, TAKEN) !== FREE) {
      while (Atomics.exchange(words, LOCK, WANTED) !== FREE) {
        Atomics.wait(words, LOCK, WANTED);
      }
    }
  }

  #unlock(): void {
    if (Atomics.exchange(this.#words, LOCK, FREE) === WANTED) {
      Atomics.notify(this.#words, LOCK, 1);
    }
  }

  /**
   * For the device's thread: answers the access that waits, and those that follow at once. Drivers make many in a row, and
   * it costs more to sleep and be woken than to look again for a moment.
   * @returns whether there was one
   */
  serveAll(handle: AccessHandler): boolean {
    if (!this.serve(handle)) {
      return false;
    }
    for (let i = 0, served = 1; i < SPINS && served < MAX_IN_A_ROW; i++) {
      if (this.serve(handle)) {
        served += 1;
        i = 0;
      } else {
        Atomics.pause();
      }
    }
    return true;
  }

  /** For the device's thread: takes what is posted, and answers an access that waits. @returns whether there was any */
  serve(handle: AccessHandler): boolean {
    const words = this.#words;
    // Looked at first: what was posted before it was asked is there by now.
    const isAsked = Atomics.load(words, STATE) === REQUESTED;
    const wasPosted = this.#takePosts(handle);
    if (!isAsked) {
      return wasPosted;
    }
    const operation = words[OPERATION] ?? 0;
    const address = ((words[ADDRESS_HIGH] ?? 0) >>> 0) * WORD + ((words[ADDRESS_LOW] ?? 0) >>> 0);
    const data = this.#data[Math.min(operation >> LENGTH_SHIFT, MAX_BYTES)];
    try {
      if (data !== undefined) {
        const space = (operation & MMIO) === 0 ? "port" : "mmio";
        handle(space, (operation & WRITE) !== 0, address, data);
      }
    } finally {
      Atomics.compareExchange(words, STATE, REQUESTED, ANSWERED);
      Atomics.notify(words, STATE, 1);
    }
    return true;
  }

  #takePosts(handle: AccessHandler): boolean {
    const words = this.#words;
    const end = Atomics.load(words, POSTED);
    let at = words[TAKEN_POSTS] ?? 0;
    if (at === end) {
      return false;
    }
    for (; at !== end; at = (at + 1) | 0) {
      this.#one[0] = this.#ring[at & (RING_BYTES - 1)] ?? 0;
      handle("port", true, POSTED_PORT, this.#one);
    }
    Atomics.store(words, TAKEN_POSTS, end);
    return true;
  }

  /**
   * For the device's thread, before it sleeps: who asks from now on rings the doorbell.
   * @returns whether it may sleep: nobody has asked meanwhile
   */
  prepareSleep(): boolean {
    const words = this.#words;
    Atomics.store(words, ASLEEP, 1);
    const isPosted = Atomics.load(words, POSTED) !== Atomics.load(words, TAKEN_POSTS);
    if (isPosted || Atomics.load(words, STATE) === REQUESTED) {
      this.endSleep();
      return false;
    }
    return true;
  }

  endSleep(): void {
    Atomics.store(this.#words, ASLEEP, 0);
  }

  /** Nobody answers any more, and nobody waits for it. */
  close(): void {
    Atomics.store(this.#words, STATE, CLOSED);
    Atomics.notify(this.#words, STATE);
  }
}
