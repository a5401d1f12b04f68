/**
 * What a virtio device is to its transport. A device works only when it is called: `drain` for a queue that the driver
 * notified of, `ready` for a descriptor of the host's that it waits for. It has no timers and starts nothing by itself,
 * so one thread can run any number of them.
 */
import {
  VIRTIO_F_VERSION_1,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_RING_F_INDIRECT_DESC,
} from "../../kernel/abi/virtio.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import type { RingFeatures, Virtqueue } from "./queue.ts";
import type { VersionedState } from "./state.ts";

/** Features by their bits. */
export type Features = bigint;

export function featuresOf(bits: readonly number[]): Features {
  return bits.reduce((features, bit) => features | (1n << BigInt(bit)), 0n);
}

export function hasFeature(features: Features, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n;
}

/** The features that every device has, since its transport and its queues do (6). */
export const TRANSPORT_FEATURES: Features = featuresOf([
  VIRTIO_RING_F_INDIRECT_DESC,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_F_VERSION_1,
]);

export function ringFeaturesOf(features: Features): RingFeatures {
  return {
    hasEventIndex: hasFeature(features, VIRTIO_RING_F_EVENT_IDX),
    hasIndirect: hasFeature(features, VIRTIO_RING_F_INDIRECT_DESC),
  };
}

/** What a device has from the moment that the driver is ready (DRIVER_OK) until a reset. */
export interface DeviceContext {
  readonly memory: GuestMemory;
  readonly queues: readonly Virtqueue[];
  /** What was negotiated. */
  readonly features: Features;
}

/** A descriptor that a device waits for. */
export interface Wait {
  readonly fd: number;
  /** `POLLIN`, `POLLOUT`; errors and hang-ups come by themselves. */
  readonly events: number;
}

export interface VirtioDevice {
  /** Device ID (virtio 1.2, 5). */
  readonly id: number;
  /** For error messages: `block`. */
  readonly name: string;
  /** The largest size of each queue. */
  readonly queueSizes: readonly number[];
  /** The features of its own that it offers. */
  readonly features: Features;
  /** The configuration space as it is now. */
  readonly config: Uint8Array;
  /** Whether the driver may have just these: some features need others. */
  accepts?(features: Features): boolean;
  /** The driver writes into the configuration space; all of it is within its bounds. */
  writeConfig?(offset: number, data: Uint8Array): void;
  /** The driver is ready. */
  activate(context: DeviceContext): void;
  /**
   * Does what the driver put into a queue, up to a bound.
   * @returns whether there is more to do, so that it is to be called again
   * @throws {VirtioFault} @throws {GuestMemoryError}
   */
  drain(queue: number): boolean;
  /** What it waits for at the moment. */
  waits?(): readonly Wait[];
  /** A descriptor that it waits for is ready. Returns and throws as `drain` does. */
  ready?(fd: number, events: number): boolean;
  /** Forgets the driver. What it holds of the host's stays. */
  reset(): void;
  /** What it knows beyond its set-up and its queues. */
  save(): VersionedState;
  /** @throws {StateError} */
  restore(state: unknown): void;
}
