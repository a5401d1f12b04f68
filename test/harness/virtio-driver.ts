/**
 * Plays the guest: a driver that sets a virtio device up through its registers, builds rings in guest memory and reads
 * what comes back, by the specification and not by our code (virtio 1.2, 2.7 and 3.1.1). It notifies only where the
 * device asks for it, so a device that forgets to ask is found out.
 */
import * as V from "../../src/kernel/abi/virtio.ts";
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import type { VirtioDevice, Wait } from "../../src/vmm/virtio/device.ts";
import { VirtioInterrupt } from "../../src/vmm/virtio/interrupt.ts";
import { MmioTransport } from "../../src/vmm/virtio/mmio.ts";

const PAGE = 4096;
const MOST_CALLS = 10_000;

export interface Used {
  readonly head: number;
  readonly written: number;
  /** The device-writable buffers, as they are now. */
  readonly buffers: readonly Uint8Array[];
}

interface Pending {
  readonly buffers: readonly Uint8Array[];
  readonly descriptors: readonly number[];
}

interface Placed {
  readonly address: number;
  readonly length: number;
  readonly isWritable: boolean;
}

export class DriverQueue {
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  readonly size: number;
  readonly #guest: VirtioGuest;
  readonly #index: number;
  readonly #free: number[];
  readonly #pending = new Map<number, Pending>();
  #availableIndex = 0;
  #kickedIndex = 0;
  #usedIndex = 0;

  constructor(guest: VirtioGuest, index: number, size: number) {
    this.#guest = guest;
    this.#index = index;
    this.size = size;
    this.descriptors = guest.allocate(16 * size);
    this.available = guest.allocate(6 + 2 * size);
    this.used = guest.allocate(6 + 8 * size);
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i);
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  get freeDescriptors(): number {
    return this.#free.length;
  }

  /** Makes a chain available: bytes for the device to read, then lengths for it to write. Does not notify. */
  add(readable: readonly Uint8Array[], writable: readonly number[], isIndirect = false): number {
    const { memory } = this.#guest;
    const buffers: Uint8Array[] = [];
    const placed: Placed[] = readable.map((bytes) => {
      const address = this.#guest.allocate(bytes.length, 1);
      memory.bytes(address, bytes.length).set(bytes);
      return { address, length: bytes.length, isWritable: false };
    });
    for (const length of writable) {
      const address = this.#guest.allocate(length, 1);
      buffers.push(memory.bytes(address, length));
      placed.push({ address, length, isWritable: true });
    }
    return isIndirect ? this.#addIndirect(placed, buffers) : this.#addDirect(placed, buffers);
  }

  #take(): number {
    const index = this.#free.pop();
    if (index === undefined) {
      throw new Error("the driver's queue is full");
    }
    return index;
  }

  #addDirect(placed: readonly Placed[], buffers: readonly Uint8Array[]): number {
    const descriptors = placed.map(() => this.#take());
    for (const [i, part] of placed.entries()) {
      this.writeDescriptor(this.descriptors, descriptors[i]!, part, descriptors[i + 1]);
    }
    return this.#offer(descriptors, buffers);
  }

  #addIndirect(placed: readonly Placed[], buffers: readonly Uint8Array[]): number {
    const table = this.#guest.allocate(16 * placed.length);
    for (const [i, part] of placed.entries()) {
      this.writeDescriptor(table, i, part, i + 1 < placed.length ? i + 1 : undefined);
    }
    const at = this.#take();
    this.writeRaw(this.descriptors, at, table, 16 * placed.length, V.VRING_DESC_F_INDIRECT, 0);
    return this.#offer([at], buffers);
  }

  writeDescriptor(table: number, at: number, part: Placed, next: number | undefined): void {
    const flags =
      (part.isWritable ? V.VRING_DESC_F_WRITE : 0) | (next === undefined ? 0 : V.VRING_DESC_F_NEXT);
    this.writeRaw(table, at, part.address, part.length, flags, next ?? 0);
  }

  writeRaw(
    table: number,
    at: number,
    address: number | bigint,
    length: number,
    flags: number,
    next: number,
  ): void {
    const { memory } = this.#guest;
    memory.write64(table + 16 * at, BigInt(address));
    memory.write32(table + 16 * at + 8, length);
    memory.write16(table + 16 * at + 12, flags);
    memory.write16(table + 16 * at + 14, next);
  }

  #offer(descriptors: readonly number[], buffers: readonly Uint8Array[]): number {
    const head = descriptors[0]!;
    this.#pending.set(head, { buffers, descriptors });
    this.offerHead(head);
    return head;
  }

  /** Puts a head into the available ring, whatever it is. */
  offerHead(head: number): void {
    const { memory } = this.#guest;
    memory.write16(this.available + 4 + 2 * (this.#availableIndex % this.size), head);
    this.#availableIndex = (this.#availableIndex + 1) & 0xffff;
    memory.write16(this.available + 2, this.#availableIndex);
  }

  /** Notifies where the device wants it. @returns whether it did */
  kick(): boolean {
    const { memory } = this.#guest;
    const [now, before] = [this.#availableIndex, this.#kickedIndex];
    this.#kickedIndex = now;
    let isWanted = (memory.read16(this.used) & V.VRING_USED_F_NO_NOTIFY) === 0;
    if (this.#guest.hasEventIndex) {
      const event = memory.read16(this.used + 4 + 8 * this.size);
      isWanted = ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
    }
    if (isWanted) {
      this.#guest.write32(V.VIRTIO_MMIO_QUEUE_NOTIFY, this.#index);
    }
    return isWanted;
  }

  /** Takes the next chain that the device gave back. */
  take(): Used | undefined {
    const { memory } = this.#guest;
    if (memory.read16(this.used + 2) === this.#usedIndex) {
      return undefined;
    }
    const at = this.used + 4 + 8 * (this.#usedIndex % this.size);
    const head = memory.read32(at);
    const written = memory.read32(at + 4);
    this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    const pending = this.#pending.get(head);
    if (pending === undefined) {
      throw new Error(`the device gave back ${head}, which it does not have`);
    }
    this.#pending.delete(head);
    this.#free.push(...pending.descriptors);
    return { head, written, buffers: pending.buffers };
  }

  takeAll(): Used[] {
    const all: Used[] = [];
    for (let used = this.take(); used !== undefined; used = this.take()) {
      all.push(used);
    }
    return all;
  }

  /** Asks for an interrupt at the next chain that comes back (`after` 0), or at a later one. */
  wantInterrupt(after = 0): void {
    const event = (this.#usedIndex + after) & 0xffff;
    this.#guest.memory.write16(this.available + 4 + 2 * this.size, event);
  }

  /** Asks for none, where there is no event index. */
  suppressInterrupts(): void {
    this.#guest.memory.write16(this.available, V.VRING_AVAIL_F_NO_INTERRUPT);
  }
}

/** poll(2) without waiting. */
function poll(waits: readonly Wait[]): Wait[] {
  const fds = new DataView(new ArrayBuffer(8 * waits.length));
  for (const [i, { fd, events }] of waits.entries()) {
    fds.setInt32(8 * i, fd, true);
    fds.setInt16(8 * i + 4, events, true);
  }
  syscall("poll", "of a test", fds, waits.length, 0);
  return waits
    .map(({ fd }, i) => ({ fd, events: fds.getInt16(8 * i + 6, true) }))
    .filter(({ events }) => events !== 0);
}

export interface GuestOptions {
  /** What the driver wants of what it is offered; all of it by default. */
  readonly wanted?: bigint;
  readonly queueSize?: number;
  /** A region at 0, and a second one at 4 GiB. */
  readonly regionBytes?: number;
  /** There is no second one. */
  readonly isOneRegion?: boolean;
}

export class VirtioGuest {
  readonly memory: GuestMemory;
  readonly device: VirtioDevice;
  readonly transport: MmioTransport;
  readonly interrupt: VirtioInterrupt;
  readonly faults: unknown[] = [];
  queues: DriverQueue[] = [];
  interrupts = 0;
  /** What happens where the driver notifies. */
  onNotify: (queue: number) => void = (queue) => this.drain(queue);
  accepted = 0n;
  readonly #options: GuestOptions;
  readonly #regionBytes: number;
  #next = PAGE;

  constructor(device: VirtioDevice, options: GuestOptions = {}, memory?: GuestMemory) {
    this.#regionBytes = options.regionBytes ?? 4 * 1024 * 1024;
    this.#options = options;
    this.device = device;
    this.memory =
      memory ??
      new GuestMemory([
        { start: 0, bytes: new Uint8Array(new ArrayBuffer(this.#regionBytes)) },
        { start: 2 ** 32, bytes: new Uint8Array(new ArrayBuffer(this.#regionBytes)) },
      ]);
    this.interrupt = new VirtioInterrupt({ trigger: () => void this.interrupts++ });
    this.transport = new MmioTransport({
      device,
      memory: this.memory,
      interrupt: this.interrupt,
      onNotify: (queue) => this.onNotify(queue),
      onFault: (error) => this.faults.push(error),
    });
  }

  get hasEventIndex(): boolean {
    return ((this.accepted >> BigInt(V.VIRTIO_RING_F_EVENT_IDX)) & 1n) === 1n;
  }

  /** Memory that nobody else has, until it comes around again. */
  allocate(length: number, align = 64): number {
    let at = Math.ceil(this.#next / align) * align;
    if (at + length > this.#regionBytes) {
      throw new Error("the guest's memory is used up");
    }
    this.#next = at + length;
    // Every other page is in the upper region, so that both are used.
    if (align === 1 && this.#options.isOneRegion !== true && Math.floor(at / PAGE) % 2 === 1) {
      at += 2 ** 32;
    }
    return at;
  }

  /** Where the next allocation is. To have memory again: give back what an earlier call answered. */
  mark(): number {
    return this.#next;
  }

  release(mark: number): void {
    this.#next = mark;
  }

  /** As the thread of a device does it: again, for as long as there is more. */
  drain(queue: number): void {
    for (let calls = 0; this.transport.drain(queue); calls++) {
      if (calls > MOST_CALLS) {
        throw new Error(`${this.device.name} never has enough of queue ${queue}`);
      }
    }
  }

  /** Polls what the device waits for, as its thread does, until nothing is ready. A device that spins is found out. */
  pump(): void {
    for (let calls = 0; ; calls++) {
      const ready = poll(this.transport.waits());
      for (const { fd, events } of ready) {
        while (this.transport.ready(fd, events)) {
          calls += 1;
        }
      }
      if (ready.length === 0) {
        return;
      }
      if (calls > MOST_CALLS) {
        throw new Error(`${this.device.name} waits for what it does not take`);
      }
    }
  }

  read32(offset: number): number {
    const data = new Uint8Array(4);
    this.transport.read(offset, data);
    return new DataView(data.buffer).getUint32(0, true);
  }

  write32(offset: number, value: number): void {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, value, true);
    this.transport.write(offset, data);
  }

  readConfig(offset: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    this.transport.read(V.VIRTIO_MMIO_CONFIG + offset, data);
    return data;
  }

  offered(): bigint {
    this.write32(V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    const low = this.read32(V.VIRTIO_MMIO_DEVICE_FEATURES);
    this.write32(V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    return (BigInt(this.read32(V.VIRTIO_MMIO_DEVICE_FEATURES)) << 32n) | BigInt(low);
  }

  /** Resets, negotiates, and says FEATURES_OK. @returns whether the device agreed */
  negotiate(wanted = this.#options.wanted ?? (1n << 64n) - 1n): boolean {
    this.write32(V.VIRTIO_MMIO_STATUS, 0);
    this.write32(V.VIRTIO_MMIO_STATUS, 1);
    this.write32(V.VIRTIO_MMIO_STATUS, 3);
    this.accepted = this.offered() & wanted;
    this.writeFeatures(this.accepted);
    this.write32(V.VIRTIO_MMIO_STATUS, 11);
    return this.read32(V.VIRTIO_MMIO_STATUS) === 11;
  }

  writeFeatures(features: bigint): void {
    this.write32(V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    this.write32(V.VIRTIO_MMIO_DRIVER_FEATURES, Number(features & 0xffff_ffffn));
    this.write32(V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    this.write32(V.VIRTIO_MMIO_DRIVER_FEATURES, Number(features >> 32n));
  }

  setUpQueue(index: number, queue: DriverQueue): void {
    this.write32(V.VIRTIO_MMIO_QUEUE_SEL, index);
    this.write32(V.VIRTIO_MMIO_QUEUE_NUM, queue.size);
    for (const [register, address] of [
      [V.VIRTIO_MMIO_QUEUE_DESC_LOW, queue.descriptors],
      [V.VIRTIO_MMIO_QUEUE_AVAIL_LOW, queue.available],
      [V.VIRTIO_MMIO_QUEUE_USED_LOW, queue.used],
    ] as const) {
      this.write32(register, address % 2 ** 32);
      this.write32(register + 4, Math.floor(address / 2 ** 32));
    }
    this.write32(V.VIRTIO_MMIO_QUEUE_READY, 1);
  }

  /** The whole way to DRIVER_OK. */
  start(): this {
    this.#next = PAGE;
    if (!this.negotiate()) {
      throw new Error(`${this.device.name} did not agree on features`);
    }
    this.queues = this.device.queueSizes.map((most, index) => {
      const queue = new DriverQueue(this, index, Math.min(this.#options.queueSize ?? most, most));
      this.memory.bytes(queue.available, 6 + 2 * queue.size).fill(0);
      this.memory.bytes(queue.used, 6 + 8 * queue.size).fill(0);
      this.setUpQueue(index, queue);
      return queue;
    });
    this.write32(V.VIRTIO_MMIO_STATUS, 15);
    return this;
  }

  queue(index: number): DriverQueue {
    return this.queues[index]!;
  }
}
