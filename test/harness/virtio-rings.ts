/** A driver's rings of one queue, filled by hand: what a test of queues and chains puts there, well-formed or not. */
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { Virtqueue } from "../../src/vmm/virtio/queue.ts";

/** Descriptors. */
export const SIZE = 8;
export const DESC = 0x1000;
export const AVAIL = 0x2000;
export const USED = 0x3000;
/** Room for an indirect table. */
export const TABLE = 0x8000;

/** As it is in memory. */
export type RawDescriptor = readonly [
  address: number | bigint,
  length: number,
  flags: number,
  next: number,
];

export class Rings {
  readonly memory = new GuestMemory([
    { start: 0, bytes: new Uint8Array(0x20000) },
    { start: 2 ** 32, bytes: new Uint8Array(0x1000) },
  ]);
  readonly queue = new Virtqueue(this.memory, SIZE);
  #available = 0;

  constructor(hasEventIndex = false, hasIndirect = true) {
    Object.assign(this.queue.addresses, { descLow: DESC, availLow: AVAIL, usedLow: USED });
    this.queue.enable({ hasEventIndex, hasIndirect });
  }

  table(at: number, descriptors: readonly RawDescriptor[]): void {
    for (const [i, [address, length, flags, next]] of descriptors.entries()) {
      this.memory.write64(at + 16 * i, BigInt(address));
      this.memory.write32(at + 16 * i + 8, length);
      this.memory.write16(at + 16 * i + 12, flags);
      this.memory.write16(at + 16 * i + 14, next);
    }
  }

  /** Makes a chain available. */
  offer(head: number): void {
    this.memory.write16(AVAIL + 4 + 2 * (this.#available % SIZE), head);
    this.#available = (this.#available + 1) & 0xffff;
    this.memory.write16(AVAIL + 2, this.#available);
  }
}
