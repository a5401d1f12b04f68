/**
 * A device's interrupt and its two registers (virtio 1.2, 4.2.2). The driver reads the one and writes the other at
 * every interrupt, so they are in memory that threads can share: the one that runs the processor answers by itself, and
 * need not ask the one that runs the device.
 */
import {
  VIRTIO_MMIO_INTERRUPT_ACK,
  VIRTIO_MMIO_INTERRUPT_STATUS,
} from "../../kernel/abi/virtio.ts";
import type { BusDevice, InterruptLine } from "../devices/bus.ts";

const REGISTER_BYTES = 4;

export class VirtioInterrupt {
  /** One element, which may be in a SharedArrayBuffer. */
  readonly status: Int32Array;
  readonly #line: InterruptLine;

  constructor(line: InterruptLine, status: Int32Array = new Int32Array(1)) {
    this.#line = line;
    this.status = status;
  }

  /** Sets bits of InterruptStatus, and interrupts. */
  raise(bits: number): void {
    Atomics.or(this.status, 0, bits);
    this.#line.trigger();
  }

  /** Interrupts again where the driver has not acknowledged all: after a restore. */
  retrigger(): void {
    if (this.read() !== 0) {
      this.#line.trigger();
    }
  }

  read(): number {
    return Atomics.load(this.status, 0);
  }

  acknowledge(bits: number): void {
    Atomics.and(this.status, 0, ~bits);
  }

  /** No bit is set, as after a reset. */
  clear(bits = 0): void {
    Atomics.store(this.status, 0, bits);
  }
}

/** Answers for those two registers, and hands everything else on: for the thread of a processor. */
export class InterruptRegisters implements BusDevice {
  readonly #interrupt: VirtioInterrupt;
  readonly #rest: BusDevice;

  constructor(interrupt: VirtioInterrupt, rest: BusDevice) {
    this.#interrupt = interrupt;
    this.#rest = rest;
  }

  read(offset: number, data: Uint8Array): void {
    if (offset === VIRTIO_MMIO_INTERRUPT_STATUS && data.length === REGISTER_BYTES) {
      data.fill(0);
      data[0] = this.#interrupt.read();
    } else {
      this.#rest.read(offset, data);
    }
  }

  write(offset: number, data: Uint8Array): void {
    if (offset === VIRTIO_MMIO_INTERRUPT_ACK && data.length === REGISTER_BYTES) {
      this.#interrupt.acknowledge(data[0] ?? 0);
    } else {
      this.#rest.write(offset, data);
    }
  }
}
