/**
 * Hostile drivers, seeded: rings full of almost valid nonsense, and registers written at random. What must hold for
 * every device: nothing throws, every call returns, faults are the driver's and no bugs of ours, and no byte of guest
 * memory changes that the driver did not hand over for writing.
 */
import * as V from "../../src/kernel/abi/virtio.ts";
import { GuestMemory, GuestMemoryError } from "../../src/vmm/memory/guest-memory.ts";
import type { VirtioDevice } from "../../src/vmm/virtio/device.ts";
import { VirtioFault } from "../../src/vmm/virtio/fault.ts";
import { randomFrom } from "./random.ts";
import { VirtioGuest } from "./virtio-driver.ts";

type Random = (below: number) => number;

const MEMORY_BYTES = 32 * 1024;
const RING_SIZE = 8;
const DATA = 0x4000;
const TABLES = 0x3000;
const TABLE_ENTRIES = 8;

export interface FuzzCounts {
  /** Inputs that the device worked through to the end. */
  whole: number;
  /** Inputs that stopped the device. */
  faults: number;
  /** Chains that came back. */
  used: number;
}

/** A number that is mostly small, and sometimes as bad as can be. */
function oddLength(random: Random): number {
  const kinds = [1, 4, 16, 44, 512, 513, 4096, 0x7000, 0, 0xffff_ffff, 0x8000_0000];
  return random(12) === 0 ? kinds[random(kinds.length)]! : 1 + random(600);
}

function oddAddress(random: Random): bigint {
  switch (random(24)) {
    case 0:
      return BigInt(MEMORY_BYTES - random(4));
    case 1:
      return (1n << 64n) - BigInt(1 + random(4096));
    case 2:
      return BigInt(random(0x3000)); // the rings themselves
    case 3:
      return BigInt(random(2 ** 31)) << 32n;
    default:
      return BigInt(DATA + random(MEMORY_BYTES - DATA - 700));
  }
}

function oddFlags(random: Random, isLast: boolean, isWritable: boolean): number {
  if (random(40) === 0) {
    return random(0x1_0000);
  }
  return (isLast ? 0 : V.VRING_DESC_F_NEXT) | (isWritable ? V.VRING_DESC_F_WRITE : 0);
}

/** Where bytes may change. */
class Allowed {
  readonly #ranges: [start: number, end: number][] = [];
  /** There are other buffers than those we know: one lies over descriptors, or a table is in what is no table. */
  isUncertain = false;

  add(address: bigint | number, length: number): void {
    const start = Number(address);
    if (start < MEMORY_BYTES) {
      this.#ranges.push([start, Math.min(MEMORY_BYTES, start + length)]);
    }
  }

  addBuffer(address: bigint, length: number): void {
    this.isUncertain ||= address < BigInt(DATA);
    this.add(address, length);
  }

  /** The first byte that differs, and may not. */
  firstWrong(before: Uint8Array, after: Uint8Array): number | undefined {
    if (this.isUncertain) {
      return undefined;
    }
    const [a, b] = [Buffer.from(before), Buffer.from(after)];
    for (const [start, end] of this.#ranges) {
      a.fill(0, start, end);
      b.fill(0, start, end);
    }
    return a.equals(b) ? undefined : a.findIndex((byte, i) => byte !== b[i]);
  }
}

function fillTable(
  guest: VirtioGuest,
  table: number,
  random: Random,
  allowed: Allowed,
  fill: ((bytes: Uint8Array, random: Random) => void) | undefined,
): void {
  const queue = guest.queue(0);
  const readables = random(3);
  const count = 1 + readables + random(3);
  for (let i = 0; i < TABLE_ENTRIES; i++) {
    let [address, length] = [oddAddress(random), oddLength(random)];
    let flags = oddFlags(random, i + 1 >= count, i >= readables);
    allowed.isUncertain ||= (flags & V.VRING_DESC_F_INDIRECT) !== 0;
    const isData = address >= BigInt(DATA) && Number(address) + 64 <= MEMORY_BYTES;
    if (i === 0 && fill !== undefined && isData) {
      fill(guest.memory.bytes(Number(address), 64), random);
    }
    if (table === queue.descriptors && random(6) === 0) {
      address = BigInt(TABLES + 16 * TABLE_ENTRIES * random(3));
      length = 16 * (1 + random(TABLE_ENTRIES)) + (random(10) === 0 ? 1 : 0);
      flags = V.VRING_DESC_F_INDIRECT | (random(10) === 0 ? V.VRING_DESC_F_NEXT : 0);
    }
    const next = random(20) === 0 ? random(0x1_0000) : (i + 1) % TABLE_ENTRIES;
    queue.writeRaw(table, i, address, length, flags, next);
    if ((flags & V.VRING_DESC_F_WRITE) !== 0) {
      allowed.addBuffer(address, length);
    }
  }
}

function describe(seed: number, what: string): Error {
  return new Error(`seed ${seed}: ${what}`);
}

function assertFaults(seed: number, faults: readonly unknown[]): void {
  for (const fault of faults) {
    if (!(fault instanceof VirtioFault || fault instanceof GuestMemoryError)) {
      const stack = fault instanceof Error ? fault.stack : String(fault);
      throw describe(seed, `the device threw what is no fault of the driver's: ${stack}`);
    }
  }
}

export interface ChainFuzz {
  readonly device: () => VirtioDevice;
  readonly rounds: number;
  readonly seed: number;
  /** Makes the beginning of readable buffers sensible, so that the device gets further. */
  readonly fill?: (bytes: Uint8Array, random: Random) => void;
  /** Called after each round, to have the device work on what it waits for. */
  readonly after?: (guest: VirtioGuest, random: Random) => void;
}

/** Runs a device against random rings. @throws {Error} with the seed of the round that broke a rule */
export function fuzzChains({ device, rounds, seed, fill, after }: ChainFuzz): FuzzCounts {
  const counts: FuzzCounts = { whole: 0, faults: 0, used: 0 };
  const bytes = new Uint8Array(new ArrayBuffer(MEMORY_BYTES));
  const memory = new GuestMemory([{ start: 0, bytes }]);
  const options = { queueSize: RING_SIZE, regionBytes: TABLES };
  const guest = new VirtioGuest(device(), options, memory);
  for (let round = 0; round < rounds; round++) {
    const roundSeed = seed + round;
    const random = randomFrom(roundSeed);
    guest.faults.length = 0;
    bytes.fill(0);
    guest.start();
    const allowed = new Allowed();
    const index = random(guest.queues.length);
    for (const queue of guest.queues) {
      allowed.add(queue.used, 6 + 8 * RING_SIZE);
    }
    // The tables of the first queue serve all of them.
    const [table] = [guest.queue(index).descriptors];
    fillTable(guest, table, random, allowed, fill);
    for (let i = 0; i < 3; i++) {
      fillTable(guest, TABLES + 16 * TABLE_ENTRIES * i, random, allowed, fill);
    }
    for (let i = random(RING_SIZE); i >= 0; i--) {
      guest.queue(index).offerHead(random(30) === 0 ? random(0x1_0000) : random(RING_SIZE));
    }
    if (random(50) === 0) {
      memory.write16(guest.queue(index).available + 2, random(0x1_0000));
    }
    const before = bytes.slice();
    try {
      guest.drain(index);
      after?.(guest, random);
    } catch (error) {
      throw describe(roundSeed, error instanceof Error ? String(error.stack) : String(error));
    }
    assertFaults(roundSeed, guest.faults);
    const wrong = allowed.firstWrong(before, bytes);
    if (wrong !== undefined) {
      throw describe(roundSeed, `the byte at 0x${wrong.toString(16)} changed, and is in no buffer`);
    }
    counts.faults += guest.faults.length;
    counts.whole += guest.faults.length === 0 ? 1 : 0;
    counts.used += memory.read16(guest.queue(index).used + 2);
  }
  return counts;
}

const REGISTERS = [
  ...[V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, V.VIRTIO_MMIO_DRIVER_FEATURES],
  ...[V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, V.VIRTIO_MMIO_QUEUE_SEL, V.VIRTIO_MMIO_QUEUE_NUM],
  ...[V.VIRTIO_MMIO_QUEUE_READY, V.VIRTIO_MMIO_QUEUE_NOTIFY, V.VIRTIO_MMIO_INTERRUPT_ACK],
  ...[V.VIRTIO_MMIO_STATUS, V.VIRTIO_MMIO_QUEUE_DESC_LOW, V.VIRTIO_MMIO_QUEUE_DESC_HIGH],
  ...[V.VIRTIO_MMIO_QUEUE_AVAIL_LOW, V.VIRTIO_MMIO_QUEUE_AVAIL_HIGH],
  ...[V.VIRTIO_MMIO_QUEUE_USED_LOW, V.VIRTIO_MMIO_QUEUE_USED_HIGH, V.VIRTIO_MMIO_CONFIG],
];
const VALUES = [0, 1, 2, 3, 7, 8, 11, 15, 16, 64, 128, 256, 0x1000, 0x2000, 0xffff, 0xffff_ffff];
const WIDTHS = [1, 2, 4, 4, 4, 4, 8];

/** Writes and reads registers at random. @returns how often the device ran, and how often it was stopped */
export function fuzzRegisters(
  device: () => VirtioDevice,
  writes: number,
  seed: number,
): { runs: number; faults: number } {
  const random = randomFrom(seed);
  const guest = new VirtioGuest(device(), { regionBytes: MEMORY_BYTES });
  let [runs, faults] = [0, 0];
  for (let i = 0; i < writes; i++) {
    if (random(200) === 0) {
      guest.start();
    } else if (random(100) === 0) {
      guest.negotiate();
    }
    const offset = random(4) === 0 ? random(0x1000) : REGISTERS[random(REGISTERS.length)]!;
    const data = new Uint8Array(WIDTHS[random(WIDTHS.length)]!);
    const value = random(3) === 0 ? random(2 ** 32) : VALUES[random(VALUES.length)]!;
    const view = new DataView(data.buffer);
    if (data.length >= 4) {
      view.setUint32(0, value, true);
    } else {
      data[0] = value;
    }
    try {
      guest.transport.write(offset, data);
      guest.transport.read(random(0x1000), data);
    } catch (error) {
      throw describe(seed, `write ${i} of ${value} at ${offset}: ${(error as Error).stack}`);
    }
    runs += guest.transport.isRunning ? 1 : 0;
    faults += guest.faults.length;
    assertFaults(seed, guest.faults.splice(0));
  }
  return { runs, faults };
}
