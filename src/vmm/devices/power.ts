/**
 * How a guest ends itself, and how it is asked to: sleep control and reset register of hardware-reduced ACPI (ACPI 6.5
 * sections 4.8.3.6 and 4.8.3.7), the reset of the keyboard controller, which kernels fall back to, and the power button.
 */
import { RESET_OFFSET, RESET_VALUE, S5_SLEEP_TYPE, SLEEP_CONTROL_OFFSET } from "../acpi/fadt.ts";
import type { BusDevice, InterruptLine } from "./bus.ts";

/** Sleep control register: SLP_EN, and SLP_TYP above its lowest two bits. */
const SLEEP_ENABLE = 0x20;
const SLEEP_TYPE_SHIFT = 2;
const SLEEP_TYPE_BITS = 0x07;

/** "Pulse output bit 0", which is wired to the reset of the processor. */
const I8042_RESET = 0xfe;

export type PowerEvent = "off" | "reset";

/** The registers that the FADT names, at {@link ACPI_POWER_PORTS}. All of them read as zero: nothing ever woke it. */
export class AcpiPower implements BusDevice {
  readonly #button: InterruptLine;
  readonly #ended: (event: PowerEvent) => void;

  /**
   * @param button the interrupt of the Generic Event Device
   * @param ended the guest wants to be off, or started again; it may say so more than once
   */
  constructor(button: InterruptLine, ended: (event: PowerEvent) => void) {
    this.#button = button;
    this.#ended = ended;
  }

  /** Asks the guest to end. Whether it does is its own affair: a kernel without a driver for the button does not. */
  pressButton(): void {
    this.#button.trigger();
  }

  read(_offset: number, data: Uint8Array): void {
    data.fill(0);
  }

  write(offset: number, data: Uint8Array): void {
    const [value] = data;
    if (data.length !== 1 || value === undefined) {
      return;
    }
    const type = (value >> SLEEP_TYPE_SHIFT) & SLEEP_TYPE_BITS;
    const isEnabled = (value & SLEEP_ENABLE) !== 0;
    if (offset === SLEEP_CONTROL_OFFSET && isEnabled && type === S5_SLEEP_TYPE) {
      this.#ended("off");
    } else if (offset === RESET_OFFSET && value === RESET_VALUE) {
      this.#ended("reset");
    }
  }
}

/**
 * The command port of a keyboard controller that has no keyboard, at {@link I8042_COMMAND_PORTS}. It reads as ready for
 * a command, and knows one.
 */
export class I8042Reset implements BusDevice {
  readonly #ended: (event: PowerEvent) => void;

  constructor(ended: (event: PowerEvent) => void) {
    this.#ended = ended;
  }

  read(_offset: number, data: Uint8Array): void {
    data.fill(0);
  }

  write(_offset: number, data: Uint8Array): void {
    if (data.length === 1 && data[0] === I8042_RESET) {
      this.#ended("reset");
    }
  }
}
