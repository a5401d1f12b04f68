/**
 * A serial port: the 16550A with its FIFOs, as Linux's 8250 driver and every boot loader use it (National
 * Semiconductor PC16550D, "Registers"; Linux drivers/tty/serial/8250). Sending takes no time, so the transmitter is
 * always empty, and baud rates mean nothing.
 *
 * Input waits in a queue of bounded size, of which the receiver's FIFO gets as much as a real one holds. Whoever feeds
 * it is told when there is room again. All of it is called from one thread.
 */
import { StateError, StateReader, type StateValue, type VersionedState } from "../virtio/state.ts";
import type { BusDevice, InterruptLine } from "./bus.ts";
import { ByteQueue } from "./byte-queue.ts";

/** Offsets of the registers. The first two are the divisor while LCR has DLAB set. */
const DATA = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const SERIAL_REGISTERS = 8;

const IER_RECEIVED = 0x01;
const IER_TRANSMIT_EMPTY = 0x02;
const IER_LINE_STATUS = 0x04;
const IER_MODEM_STATUS = 0x08;
const IER_BITS = 0x0f;

/** In the order of their priority; none is 1. */
const IIR_LINE_STATUS = 0x06;
const IIR_RECEIVED = 0x04;
const IIR_TIMEOUT = 0x0c;
const IIR_TRANSMIT_EMPTY = 0x02;
const IIR_MODEM_STATUS = 0x00;
const IIR_NONE = 0x01;
const IIR_FIFO_ENABLED = 0xc0;

const FCR_ENABLE = 0x01;
const FCR_CLEAR_RECEIVER = 0x02;
const FCR_TRIGGER_SHIFT = 6;
/** How many bytes must wait for an interrupt that is no timeout. */
const TRIGGER_LEVELS = [1, 4, 8, 14];

const LCR_DLAB = 0x80;

const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const MCR_BITS = 0x1f;

const LSR_DATA_READY = 0x01;
const LSR_OVERRUN = 0x02;
const LSR_TRANSMIT_EMPTY = 0x60;

const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_RI = 0x40;
const MSR_DCD = 0x80;
/** Of a null modem whose other end is always there. */
const MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;
/** The lower four bits say which of the upper four changed since the last read; RI counts when it goes off. */
const MSR_CHANGE_SHIFT = 4;

const FIFO_BYTES = 16;
/** As much input as may wait for a guest that does not read. */
export const SERIAL_INPUT_MAX_BYTES = 64 * 1024;

const STATE_VERSION = 1;

/** Causes of interrupts that hold until the guest has seen them. */
const CAUSE_LINE_STATUS = 1;
const CAUSE_RECEIVED = 2;
const CAUSE_TRANSMIT_EMPTY = 4;
const CAUSE_MODEM_STATUS = 8;

export interface SerialHost {
  readonly interrupt: InterruptLine;
  /** Takes a byte that the guest sent. */
  output(byte: number): void;
  /** There is room for input again, after {@link Serial.feed} did not take all of it. */
  inputWanted(): void;
}

export class Serial implements BusDevice {
  readonly #host: SerialHost;
  #interruptEnable = 0;
  #lineControl = 0x03;
  #modemControl = 0;
  #divisor = 12;
  #scratch = 0;
  #fifoControl = 0;
  #hasOverrun = false;
  #isTransmitEmptyPending = false;
  #modemStatus = MSR_CONNECTED;
  /** The receiver's FIFO, and behind it what waits to get into it. */
  readonly #received: number[] = [];
  readonly #waiting = new ByteQueue(SERIAL_INPUT_MAX_BYTES);
  #isFeederWaiting = false;
  #causes = 0;

  constructor(host: SerialHost) {
    this.#host = host;
  }

  /**
   * Input for the guest.
   * @returns how many of the bytes were taken; after fewer than all, {@link SerialHost.inputWanted} is called once
   */
  feed(bytes: Uint8Array): number {
    const taken = this.#waiting.push(bytes);
    this.#isFeederWaiting = taken < bytes.length;
    this.#refill();
    this.#update();
    return taken;
  }

  /**
   * What LSR reads as, for as long as reading it changes nothing and a byte that is written to the data register is sent;
   * 0 when that is not so.
   */
  get plainStatus(): number {
    const ready = this.#received.length > 0 ? LSR_DATA_READY : 0;
    const isPlain = !this.#hasDivisorAccess && !this.#isLooped && !this.#hasOverrun;
    return isPlain ? LSR_TRANSMIT_EMPTY | ready : 0;
  }

  /** A wider access is one to each of the registers from there on, as the bus of a PC does it. */
  read(offset: number, data: Uint8Array): void {
    for (let i = 0; i < data.length; i += 1) {
      data[i] = offset + i < SERIAL_REGISTERS ? this.#readRegister(offset + i) : 0xff;
    }
    this.#update();
  }

  write(offset: number, data: Uint8Array): void {
    for (const [i, value] of data.entries()) {
      this.#writeRegister(offset + i, value);
      this.#update();
    }
  }

  /** All that a snapshot needs, what waits as input included. */
  save(): VersionedState {
    return {
      version: STATE_VERSION,
      interruptEnable: this.#interruptEnable,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      modemStatus: this.#modemStatus,
      divisor: this.#divisor,
      scratch: this.#scratch,
      fifoControl: this.#fifoControl,
      hasOverrun: this.#hasOverrun,
      isTransmitEmptyPending: this.#isTransmitEmptyPending,
      received: [...this.#received],
      waiting: this.#waiting.toArray(),
    };
  }

  /**
   * Takes up what {@link save} gave, on a port that is new. The interrupt has to be connected: whatever is pending is
   * told again.
   * @throws {StateError} on what can't be such a state
   */
  restore(state: unknown): void {
    const reader = new StateReader("serial port", state, STATE_VERSION);
    const bytesOf = (field: string, most: number): number[] => {
      const isByte = (value: StateValue): value is number =>
        typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xff;
      const values = reader.list(field, most);
      const bytes = values.filter(isByte);
      if (bytes.length !== values.length) {
        throw new StateError(`the snapshot's "${field}" of serial port are not bytes`);
      }
      return bytes;
    };
    this.#interruptEnable = reader.number("interruptEnable", IER_BITS);
    this.#lineControl = reader.number("lineControl", 0xff);
    this.#modemControl = reader.number("modemControl", MCR_BITS);
    this.#modemStatus = reader.number("modemStatus", 0xff);
    this.#divisor = reader.number("divisor", 0xffff);
    this.#scratch = reader.number("scratch", 0xff);
    this.#fifoControl = reader.number("fifoControl", 0xff);
    this.#hasOverrun = reader.boolean("hasOverrun");
    this.#isTransmitEmptyPending = reader.boolean("isTransmitEmptyPending");
    this.#received.splice(0, FIFO_BYTES, ...bytesOf("received", FIFO_BYTES));
    this.#waiting.clear();
    this.#waiting.push(bytesOf("waiting", SERIAL_INPUT_MAX_BYTES));
    this.#causes = 0;
    this.#update();
  }

  get #hasDivisorAccess(): boolean {
    return (this.#lineControl & LCR_DLAB) !== 0;
  }

  get #isLooped(): boolean {
    return (this.#modemControl & MCR_LOOP) !== 0;
  }

  get #fifoBytes(): number {
    return (this.#fifoControl & FCR_ENABLE) !== 0 ? FIFO_BYTES : 1;
  }

  #readRegister(register: number): number {
    switch (register) {
      case DATA:
        return this.#hasDivisorAccess ? this.#divisor & 0xff : this.#take();
      case IER:
        return this.#hasDivisorAccess ? this.#divisor >> 8 : this.#interruptEnable;
      case IIR_FCR:
        return this.#identify();
      case LCR:
        return this.#lineControl;
      case MCR:
        return this.#modemControl;
      case LSR: {
        const overrun = this.#hasOverrun ? LSR_OVERRUN : 0;
        const ready = this.#received.length > 0 ? LSR_DATA_READY : 0;
        this.#hasOverrun = false;
        return LSR_TRANSMIT_EMPTY | overrun | ready;
      }
      case MSR: {
        const status = this.#modemStatus;
        this.#modemStatus &= ~0x0f;
        return status;
      }
      default:
        return this.#scratch;
    }
  }

  #writeRegister(register: number, value: number): void {
    switch (register) {
      case DATA:
        if (this.#hasDivisorAccess) {
          this.#divisor = (this.#divisor & 0xff00) | value;
        } else {
          this.#send(value);
        }
        break;
      case IER:
        if (this.#hasDivisorAccess) {
          this.#divisor = (this.#divisor & 0xff) | (value << 8);
        } else {
          this.#enableInterrupts(value & IER_BITS);
        }
        break;
      case IIR_FCR:
        this.#controlFifos(value);
        break;
      case LCR:
        this.#lineControl = value;
        break;
      case MCR:
        this.#modemControl = value & MCR_BITS;
        this.#updateModemStatus();
        break;
      case SCR:
        this.#scratch = value;
        break;
      default:
        // LSR and MSR are for the factory's test; registers beyond the last are nobody's.
        break;
    }
  }

  #enableInterrupts(value: number): void {
    const isNew =
      (value & IER_TRANSMIT_EMPTY) !== 0 && (this.#interruptEnable & IER_TRANSMIT_EMPTY) === 0;
    this.#interruptEnable = value;
    // The transmitter is empty, so asking to be told of it is answered at once. Drivers start sending that way.
    this.#isTransmitEmptyPending = isNew || this.#isTransmitEmptyPending;
  }

  #controlFifos(value: number): void {
    const isSwitched = ((value ^ this.#fifoControl) & FCR_ENABLE) !== 0;
    if (isSwitched || (value & FCR_CLEAR_RECEIVER) !== 0) {
      this.#received.length = 0;
    }
    // Other bits count only together with this one.
    this.#fifoControl = (value & FCR_ENABLE) === 0 ? 0 : value;
    this.#refill();
  }

  #send(byte: number): void {
    if (this.#isLooped) {
      if (this.#received.length < this.#fifoBytes) {
        this.#received.push(byte);
      } else {
        this.#hasOverrun = true;
      }
    } else {
      this.#host.output(byte);
    }
    // An edge for the first byte since the guest read of it, as a real FIFO gives one for all that it held.
    this.#isTransmitEmptyPending = true;
  }

  #take(): number {
    const byte = this.#received.shift() ?? 0;
    this.#refill();
    return byte;
  }

  #refill(): void {
    while (!this.#isLooped && this.#waiting.length > 0 && this.#received.length < this.#fifoBytes) {
      this.#received.push(this.#waiting.shift() ?? 0);
    }
    // Half of it: the feeder is not to be woken for each byte.
    if (this.#isFeederWaiting && this.#waiting.length <= SERIAL_INPUT_MAX_BYTES / 2) {
      this.#isFeederWaiting = false;
      this.#host.inputWanted();
    }
  }

  #updateModemStatus(): void {
    const control = this.#modemControl;
    const looped =
      ((control & MCR_RTS) !== 0 ? MSR_CTS : 0) |
      ((control & MCR_DTR) !== 0 ? MSR_DSR : 0) |
      ((control & MCR_OUT1) !== 0 ? MSR_RI : 0) |
      ((control & MCR_OUT2) !== 0 ? MSR_DCD : 0);
    const lines = this.#isLooped ? looped : MSR_CONNECTED;
    const changed = (lines ^ this.#modemStatus) & 0xf0;
    const seen = changed & ~(lines & MSR_RI);
    this.#modemStatus = lines | (this.#modemStatus & 0x0f) | (seen >> MSR_CHANGE_SHIFT);
    this.#refill();
  }

  #isEnabled(bit: number): boolean {
    return (this.#interruptEnable & bit) !== 0;
  }

  /** What there is to tell the guest of, and it wants to be told of. */
  #pending(): number {
    let causes = 0;
    if (this.#isEnabled(IER_LINE_STATUS) && this.#hasOverrun) {
      causes |= CAUSE_LINE_STATUS;
    }
    if (this.#isEnabled(IER_RECEIVED) && this.#received.length > 0) {
      causes |= CAUSE_RECEIVED;
    }
    if (this.#isEnabled(IER_TRANSMIT_EMPTY) && this.#isTransmitEmptyPending) {
      causes |= CAUSE_TRANSMIT_EMPTY;
    }
    if (this.#isEnabled(IER_MODEM_STATUS) && (this.#modemStatus & 0x0f) !== 0) {
      causes |= CAUSE_MODEM_STATUS;
    }
    return causes;
  }

  /** An edge for every cause that is new: one that came while another held would be lost otherwise. */
  #update(): void {
    const causes = this.#pending();
    const isNew = (causes & ~this.#causes) !== 0;
    this.#causes = causes;
    if (isNew) {
      this.#host.interrupt.trigger();
    }
  }

  #identify(): number {
    const fifo = (this.#fifoControl & FCR_ENABLE) !== 0 ? IIR_FIFO_ENABLED : 0;
    const causes = this.#pending();
    if ((causes & CAUSE_LINE_STATUS) !== 0) {
      return fifo | IIR_LINE_STATUS;
    }
    if ((causes & CAUSE_RECEIVED) !== 0) {
      const level = fifo === 0 ? 1 : (TRIGGER_LEVELS[this.#fifoControl >> FCR_TRIGGER_SHIFT] ?? 1);
      return fifo | (this.#received.length >= level ? IIR_RECEIVED : IIR_TIMEOUT);
    }
    if ((causes & CAUSE_TRANSMIT_EMPTY) !== 0) {
      // Reading that it is the cause is what ends it.
      this.#isTransmitEmptyPending = false;
      return fifo | IIR_TRANSMIT_EMPTY;
    }
    return fifo | ((causes & CAUSE_MODEM_STATUS) !== 0 ? IIR_MODEM_STATUS : IIR_NONE);
  }
}
