/** The status of a device, as its driver goes through it (virtio 1.2, 2.1 and 3.1.1). */
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE as ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER as DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK as DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED as FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK as FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET,
} from "../../kernel/abi/virtio.ts";

/** What the driver has done by setting a bit. */
export type DriverStep = "acknowledge" | "driver" | "features-ok" | "driver-ok";

/** The order in which the driver sets its bits, each with those that come before it. */
const STEPS: readonly (readonly [step: DriverStep, bit: number, before: number])[] = [
  ["acknowledge", ACKNOWLEDGE, 0],
  ["driver", DRIVER, ACKNOWLEDGE],
  ["features-ok", FEATURES_OK, ACKNOWLEDGE | DRIVER],
  ["driver-ok", DRIVER_OK, ACKNOWLEDGE | DRIVER | FEATURES_OK],
];

export class DeviceStatus {
  #value: number;

  constructor(value = 0) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Whether the driver has said that it drives the device. */
  get isDriven(): boolean {
    return (this.#value & DRIVER) !== 0;
  }

  /** Whether the driver may still say which features it wants. */
  get isNegotiating(): boolean {
    return (this.#value & (DRIVER | FEATURES_OK | FAILED)) === DRIVER;
  }

  get hasFeatures(): boolean {
    return (this.#value & FEATURES_OK) !== 0;
  }

  /** Whether the driver may set queues up: between the agreement on features and its being ready. */
  get isSettingUp(): boolean {
    const bits = FEATURES_OK | DRIVER_OK | FAILED | NEEDS_RESET;
    return (this.#value & bits) === FEATURES_OK;
  }

  /** Whether the driver takes interrupts. */
  get isDriverReady(): boolean {
    return (this.#value & DRIVER_OK) !== 0;
  }

  /** Whether driver and device work with each other. */
  get isRunning(): boolean {
    return (this.#value & (DRIVER_OK | FAILED | NEEDS_RESET)) === DRIVER_OK;
  }

  /** The device can't go on (2.1.2). */
  needReset(): void {
    this.#value |= NEEDS_RESET;
  }

  /**
   * The driver writes the register; not 0, which is a reset. It can't clear a bit (2.1.1), skip one, or go on after
   * FAILED: such writes change nothing.
   * @param agree asked before each new bit; where it answers false, the bit stays clear
   * @returns whether the driver became ready
   */
  write(value: number, agree: (step: DriverStep) => boolean): boolean {
    const isCleared = (this.#value & ~NEEDS_RESET & ~value) !== 0;
    if (isCleared || (this.#value & FAILED) !== 0) {
      return false;
    }
    if ((value & FAILED) !== 0) {
      this.#value |= FAILED;
      return false;
    }
    const wasReady = this.isDriverReady;
    for (const [step, bit, before] of STEPS) {
      const isNew = (value & bit) !== 0 && (this.#value & bit) === 0;
      if (isNew && (this.#value & (before | NEEDS_RESET)) === before && agree(step)) {
        this.#value |= bit;
      }
    }
    return this.isDriverReady && !wasReady;
  }
}
