/**
 * The virtio-mmio transport, version 2 (virtio 1.2, 4.2): a device's registers, the negotiation of its features, its
 * status and its queues. It is the only door between driver and device, and the end of all errors: whatever a driver
 * does, the device is stopped at worst, until the driver resets it (DEVICE_NEEDS_RESET, 2.1.2).
 *
 * One thread owns it. Queues are worked on in `drain` and `ready`, which that thread calls when an eventfd or a
 * descriptor says so; `configChanged` is for whoever changed a device's configuration.
 */
import * as V from "../../kernel/abi/virtio.ts";
import type { BusDevice } from "../devices/bus.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { DeviceStatus, type DriverStep } from "./device-status.ts";
import {
  type Features,
  hasFeature,
  ringFeaturesOf,
  TRANSPORT_FEATURES,
  type VirtioDevice,
  type Wait,
} from "./device.ts";
import type { VirtioInterrupt } from "./interrupt.ts";
import { type RingAddressHalf, Virtqueue } from "./queue.ts";
import { bigintText, StateError, StateReader, type VersionedState } from "./state.ts";

/** "virt", little-endian. */
const MAGIC = 0x74726976;
const MMIO_VERSION = 2;
/** "AURA" */
const VENDOR = 0x41525541;
const REGISTER_BYTES = 4;
const ALL_ONES = 0xffff_ffff;
const STATE_VERSION = 1;
const MAX_STATUS = 0xff;
const INTERRUPT_BITS = V.VIRTIO_MMIO_INT_VRING | V.VIRTIO_MMIO_INT_CONFIG;

const ADDRESS_REGISTERS: ReadonlyMap<number, RingAddressHalf> = new Map([
  [V.VIRTIO_MMIO_QUEUE_DESC_LOW, "descLow"],
  [V.VIRTIO_MMIO_QUEUE_DESC_HIGH, "descHigh"],
  [V.VIRTIO_MMIO_QUEUE_AVAIL_LOW, "availLow"],
  [V.VIRTIO_MMIO_QUEUE_AVAIL_HIGH, "availHigh"],
  [V.VIRTIO_MMIO_QUEUE_USED_LOW, "usedLow"],
  [V.VIRTIO_MMIO_QUEUE_USED_HIGH, "usedHigh"],
]);

export interface MmioTransportOptions {
  readonly device: VirtioDevice;
  readonly memory: GuestMemory;
  readonly interrupt: VirtioInterrupt;
  /** A queue is to be drained: by the driver's word, where no ioeventfd spares it the exit, or as it becomes ready. */
  readonly onNotify: (queue: number) => void;
  /** A device was stopped, and why: the driver's fault, mostly. For the log. */
  readonly onFault: (error: unknown) => void;
}

export class MmioTransport implements BusDevice {
  readonly device: VirtioDevice;
  readonly queues: readonly Virtqueue[];
  readonly #options: MmioTransportOptions;
  readonly #offered: Features;
  #status = new DeviceStatus();
  #accepted: Features = 0n;
  #deviceFeaturesSelect = 0;
  #driverFeaturesSelect = 0;
  #queueSelect = 0;
  #generation = 0;

  constructor(options: MmioTransportOptions) {
    const { device, memory } = options;
    this.#options = options;
    this.device = device;
    this.queues = device.queueSizes.map((size) => new Virtqueue(memory, size));
    this.#offered = device.features | TRANSPORT_FEATURES;
  }

  /** Device status (2.1). */
  get status(): number {
    return this.#status.value;
  }

  /** Whether driver and device work with each other. */
  get isRunning(): boolean {
    return this.#status.isRunning;
  }

  /** Does what is in a queue, up to a bound. @returns whether there is more to do. Throws nothing. */
  drain(queue: number): boolean {
    if (this.queues[queue]?.isReady !== true) {
      return false;
    }
    return this.#work(() => this.device.drain(queue));
  }

  /** The descriptors to poll for the device, and for what. They change with every call of the transport. */
  waits(): readonly Wait[] {
    return this.isRunning ? (this.device.waits?.() ?? []) : [];
  }

  /** A descriptor of `waits` is ready. @returns whether the device wants to be called again. Throws nothing. */
  ready(fd: number, events: number): boolean {
    return this.#work(() => this.device.ready?.(fd, events) ?? false);
  }

  /** The device's configuration has changed: the driver is told (2.3, 4.2.2.1). */
  configChanged(): void {
    this.#generation = (this.#generation + 1) >>> 0;
    if (this.#status.isDriverReady) {
      this.#options.interrupt.raise(V.VIRTIO_MMIO_INT_CONFIG);
    }
  }

  /** Does something with a device that runs, of which its driver is told as of `drain`. Throws nothing. */
  run(work: () => void): void {
    this.#work(() => {
      work();
      return false;
    });
  }

  /** Has the device work, interrupts for what it did, and ends whatever went wrong. */
  #work(work: () => boolean): boolean {
    if (!this.isRunning) {
      return false;
    }
    let isMore = false;
    try {
      isMore = work();
    } catch (error) {
      this.#fail(error);
      return false;
    }
    let isWanted = false;
    for (const queue of this.queues) {
      isWanted = queue.takeInterrupt() || isWanted;
    }
    if (isWanted) {
      this.#options.interrupt.raise(V.VIRTIO_MMIO_INT_VRING);
    }
    return isMore;
  }

  /** The device stops until it is reset (2.1.2). */
  #fail(error: unknown): void {
    this.#status.needReset();
    if (this.#status.isDriverReady) {
      this.#options.interrupt.raise(V.VIRTIO_MMIO_INT_CONFIG);
    }
    this.#options.onFault(error);
  }

  read(offset: number, data: Uint8Array): void {
    data.fill(0);
    if (offset >= V.VIRTIO_MMIO_CONFIG) {
      const start = offset - V.VIRTIO_MMIO_CONFIG;
      data.set(this.device.config.subarray(start, start + data.length));
      return;
    }
    // Registers are read whole, and where they are (4.2.2.2); anything else has no answer.
    if (data.length === REGISTER_BYTES) {
      const value = this.#read(offset);
      new DataView(data.buffer, data.byteOffset, REGISTER_BYTES).setUint32(0, value, true);
    }
  }

  #read(offset: number): number {
    const queue = this.queues[this.#queueSelect];
    switch (offset) {
      case V.VIRTIO_MMIO_MAGIC_VALUE:
        return MAGIC;
      case V.VIRTIO_MMIO_VERSION:
        return MMIO_VERSION;
      case V.VIRTIO_MMIO_DEVICE_ID:
        return this.device.id;
      case V.VIRTIO_MMIO_VENDOR_ID:
        return VENDOR;
      case V.VIRTIO_MMIO_DEVICE_FEATURES:
        return wordOf(this.#offered, this.#deviceFeaturesSelect);
      case V.VIRTIO_MMIO_QUEUE_NUM_MAX:
        return queue?.maxSize ?? 0;
      case V.VIRTIO_MMIO_QUEUE_READY:
        return queue?.isReady === true ? 1 : 0;
      case V.VIRTIO_MMIO_INTERRUPT_STATUS:
        return this.#options.interrupt.read();
      case V.VIRTIO_MMIO_STATUS:
        return this.#status.value;
      case V.VIRTIO_MMIO_CONFIG_GENERATION:
        return this.#generation;
      // There is no shared memory region (4.2.2: a length and a base of all ones).
      case V.VIRTIO_MMIO_SHM_LEN_LOW:
      case V.VIRTIO_MMIO_SHM_LEN_HIGH:
      case V.VIRTIO_MMIO_SHM_BASE_LOW:
      case V.VIRTIO_MMIO_SHM_BASE_HIGH:
        return ALL_ONES;
      default:
        return 0;
    }
  }

  write(offset: number, data: Uint8Array): void {
    if (offset >= V.VIRTIO_MMIO_CONFIG) {
      this.#writeConfig(offset - V.VIRTIO_MMIO_CONFIG, data);
    } else if (data.length === REGISTER_BYTES) {
      this.#write(offset, new DataView(data.buffer, data.byteOffset).getUint32(0, true));
    }
  }

  #writeConfig(offset: number, data: Uint8Array): void {
    const { device } = this;
    if (!this.#status.isDriven || offset + data.length > device.config.length) {
      return;
    }
    try {
      device.writeConfig?.(offset, data);
    } catch (error) {
      this.#fail(error);
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case V.VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        this.#deviceFeaturesSelect = value;
        return;
      case V.VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        this.#driverFeaturesSelect = value;
        return;
      case V.VIRTIO_MMIO_DRIVER_FEATURES:
        this.#acceptFeatures(value);
        return;
      case V.VIRTIO_MMIO_QUEUE_SEL:
        this.#queueSelect = value;
        return;
      case V.VIRTIO_MMIO_QUEUE_NOTIFY:
        if (this.isRunning && this.queues[value]?.isReady === true) {
          this.#options.onNotify(value);
        }
        return;
      case V.VIRTIO_MMIO_INTERRUPT_ACK:
        this.#options.interrupt.acknowledge(value);
        return;
      case V.VIRTIO_MMIO_STATUS:
        this.#writeStatus(value);
        return;
      default:
        this.#writeQueue(offset, value);
    }
  }

  /** Features may change until they are agreed on (3.1.1). Words beyond the second have none. */
  #acceptFeatures(word: number): void {
    if (this.#status.isNegotiating && this.#driverFeaturesSelect <= 1) {
      const shift = BigInt(32 * this.#driverFeaturesSelect);
      const kept = this.#accepted & ~(0xffff_ffffn << shift);
      this.#accepted = kept | (BigInt(word) << shift);
    }
  }

  /** A queue is set up between the agreement on features and DRIVER_OK (3.1.1), while it is not ready (4.2.2.2). */
  #writeQueue(offset: number, value: number): void {
    const queue = this.queues[this.#queueSelect];
    if (queue === undefined || !this.#status.isSettingUp) {
      return;
    }
    if (offset === V.VIRTIO_MMIO_QUEUE_READY) {
      this.#writeReady(queue, value);
      return;
    }
    const half = ADDRESS_REGISTERS.get(offset);
    if (queue.isReady) {
      return;
    }
    if (half !== undefined) {
      queue.addresses[half] = value;
    } else if (offset === V.VIRTIO_MMIO_QUEUE_NUM) {
      queue.size = value;
    }
  }

  #writeReady(queue: Virtqueue, value: number): void {
    if (value === 0) {
      queue.reset();
    } else if (value === 1 && !queue.isReady) {
      try {
        queue.enable(ringFeaturesOf(this.#accepted));
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.reset();
    } else if (this.#status.write(value, (step) => this.#agree(step))) {
      this.#activate();
      // What the driver put into queues before is not told of again.
      for (const [index, queue] of this.queues.entries()) {
        if (queue.isReady && this.isRunning) {
          this.#options.onNotify(index);
        }
      }
    }
  }

  /** A driver whose features are refused reads that back, and gives up (3.1.1, step 6). */
  #agree(step: DriverStep): boolean {
    return step !== "features-ok" || this.#isAcceptable();
  }

  #isAcceptable(): boolean {
    const { device } = this;
    const isOffered = (this.#accepted & ~this.#offered) === 0n;
    const isModern = hasFeature(this.#accepted, V.VIRTIO_F_VERSION_1);
    return isOffered && isModern && (device.accepts?.(this.#accepted) ?? true);
  }

  #activate(): void {
    const { memory } = this.#options;
    try {
      this.device.activate({ memory, queues: this.queues, features: this.#accepted });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** As after power-on (2.1, 4.2.2.1). */
  reset(): void {
    this.#status = new DeviceStatus();
    this.#accepted = 0n;
    this.#deviceFeaturesSelect = 0;
    this.#driverFeaturesSelect = 0;
    this.#queueSelect = 0;
    for (const queue of this.queues) {
      queue.reset();
    }
    this.#options.interrupt.clear();
    this.device.reset();
  }

  /** For a snapshot, while nothing runs. */
  save(): VersionedState {
    return {
      version: STATE_VERSION,
      deviceId: this.device.id,
      status: this.#status.value,
      offered: bigintText(this.#offered),
      accepted: bigintText(this.#accepted),
      deviceFeaturesSelect: this.#deviceFeaturesSelect,
      driverFeaturesSelect: this.#driverFeaturesSelect,
      queueSelect: this.#queueSelect,
      generation: this.#generation,
      interruptStatus: this.#options.interrupt.read(),
      queues: this.queues.map((queue) => queue.save()),
      device: this.device.save(),
    };
  }

  /**
   * Takes up what `save` gave, for a device of the same set-up. Whoever calls then calls `VirtioInterrupt.retrigger`
   * for what the driver had not acknowledged, and `drain` for every queue, since notifications may have been lost.
   * @throws {StateError} @throws {VirtioFault} @throws {GuestMemoryError}
   */
  restore(state: unknown): void {
    const { device, queues } = this;
    const what = `virtio ${device.name} device`;
    const reader = new StateReader(what, state, STATE_VERSION);
    const saved = reader.list("queues", queues.length);
    const isSame =
      reader.number("deviceId", ALL_ONES) === device.id &&
      reader.bigint("offered") === this.#offered &&
      saved.length === queues.length;
    if (!isSame) {
      throw new StateError(`the snapshot's ${what} is set up in another way than this one`);
    }
    this.reset();
    this.#status = new DeviceStatus(reader.number("status", MAX_STATUS));
    this.#accepted = reader.bigint("accepted");
    if (this.#status.hasFeatures && !this.#isAcceptable()) {
      throw new StateError(`the snapshot's ${what} has features that it was not offered`);
    }
    this.#deviceFeaturesSelect = reader.number("deviceFeaturesSelect", ALL_ONES);
    this.#driverFeaturesSelect = reader.number("driverFeaturesSelect", ALL_ONES);
    this.#queueSelect = reader.number("queueSelect", ALL_ONES);
    this.#generation = reader.number("generation", ALL_ONES);
    this.#options.interrupt.clear(reader.number("interruptStatus", INTERRUPT_BITS));
    for (const [i, queue] of queues.entries()) {
      queue.restore(saved[i], ringFeaturesOf(this.#accepted));
    }
    device.restore(reader.inner("device"));
    if (this.isRunning) {
      this.#activate();
    }
  }
}

/** 32 of the bits of features; there are none beyond the second word. */
function wordOf(features: Features, word: number): number {
  return word > 1 ? 0 : Number((features >> BigInt(32 * word)) & 0xffff_ffffn);
}
