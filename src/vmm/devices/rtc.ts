/**
 * The clock of a PC, as much of the MC146818 as Linux's rtc-cmos reads and sets: time and date in all formats, and
 * the battery-backed memory. It has no alarms and raises no interrupts; the DSDT names none for it. The time is the
 * host's, and what the guest sets it to is kept as the difference.
 */
import { RTC_CENTURY_REGISTER } from "../acpi/fadt.ts";
import { StateError, StateReader, type VersionedState } from "../virtio/state.ts";
import type { BusDevice } from "./bus.ts";

/** Offsets of the ports. */
const INDEX_PORT = 0;
const DATA_PORT = 1;
/** The highest bit of the index masks NMIs, and is no part of it. */
const INDEX_BITS = 0x7f;
const MEMORY_BYTES = 128;

const SECONDS = 0x00;
const MINUTES = 0x02;
const HOURS = 0x04;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REG_A = 0x0a;
const REG_B = 0x0b;
const REG_C = 0x0c;
const REG_D = 0x0d;
const CENTURY = RTC_CENTURY_REGISTER;
const TIME_REGISTERS: readonly number[] = [
  SECONDS,
  MINUTES,
  HOURS,
  DAY_OF_WEEK,
  DAY_OF_MONTH,
  MONTH,
  YEAR,
  CENTURY,
];

/** Divider for a crystal of 32,768 Hz, and the rate that a BIOS sets. */
const REG_A_INITIAL = 0x26;
/** Set in the last millisecond of each second, so that who reads the fields one by one does not do it across the end. */
const REG_A_UPDATE_IN_PROGRESS = 0x80;
const UPDATE_STARTS_AT_MS = 999;
const REG_B_SET = 0x80;
const REG_B_BINARY = 0x04;
const REG_B_24_HOURS = 0x02;
const REG_D_VALID = 0x80;
const HOURS_PM = 0x80;

const STATE_VERSION = 1;
/** More than any offset: what a state keeps is not negative. */
const OFFSET_BIAS_MS = 2 ** 50;

export class Rtc implements BusDevice {
  readonly #now: () => number;
  readonly #memory = new Uint8Array(MEMORY_BYTES);
  #index = 0;
  /** What to add to the host's time, in milliseconds. */
  #offsetMs = 0;

  /** @param now milliseconds since 1970, in UTC */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#memory[REG_A] = REG_A_INITIAL;
    this.#memory[REG_B] = REG_B_24_HOURS;
  }

  read(offset: number, data: Uint8Array): void {
    data.fill(0xff);
    if (offset === DATA_PORT && data.length === 1) {
      data[0] = this.#readRegister(this.#index);
    }
  }

  write(offset: number, data: Uint8Array): void {
    const value = data[0];
    if (data.length !== 1 || value === undefined) {
      return;
    }
    if (offset === INDEX_PORT) {
      this.#index = value & INDEX_BITS;
    } else if (offset === DATA_PORT) {
      this.#writeRegister(this.#index, value);
    }
  }

  save(): VersionedState {
    return {
      version: STATE_VERSION,
      index: this.#index,
      biasedOffsetMs: this.#offsetMs + OFFSET_BIAS_MS,
      memory: [...this.#memory],
    };
  }

  /** Takes up what {@link save} gave; the time goes on with the host's. @throws {StateError} */
  restore(state: unknown): void {
    const reader = new StateReader("clock", state, STATE_VERSION);
    const memory = reader.list("memory", MEMORY_BYTES);
    if (memory.length !== MEMORY_BYTES || memory.some((value) => typeof value !== "number")) {
      throw new StateError(`the snapshot's "memory" of clock is not ${MEMORY_BYTES} bytes`);
    }
    this.#index = reader.number("index", INDEX_BITS);
    this.#offsetMs = reader.number("biasedOffsetMs", 2 * OFFSET_BIAS_MS) - OFFSET_BIAS_MS;
    this.#memory.set(memory.map(Number));
  }

  get #isBeingSet(): boolean {
    return ((this.#memory[REG_B] ?? 0) & REG_B_SET) !== 0;
  }

  get #isUpdating(): boolean {
    const millisecond = (this.#now() + this.#offsetMs) % 1000;
    return !this.#isBeingSet && millisecond >= UPDATE_STARTS_AT_MS;
  }

  #readRegister(index: number): number {
    if (TIME_REGISTERS.includes(index) && !this.#isBeingSet) {
      this.#storeTime();
    }
    switch (index) {
      case REG_A:
        return (this.#memory[REG_A] ?? 0) | (this.#isUpdating ? REG_A_UPDATE_IN_PROGRESS : 0);
      case REG_C:
        return 0;
      case REG_D:
        return REG_D_VALID;
      default:
        return this.#memory[index] ?? 0;
    }
  }

  #writeRegister(index: number, value: number): void {
    if (TIME_REGISTERS.includes(index)) {
      // Outside of SET, the clock runs on from what one register was changed to.
      if (!this.#isBeingSet) {
        this.#storeTime();
      }
      this.#memory[index] = value;
      if (!this.#isBeingSet) {
        this.#adoptTime();
      }
    } else if (index === REG_A) {
      this.#memory[REG_A] = value & ~REG_A_UPDATE_IN_PROGRESS;
    } else if (index === REG_B) {
      this.#writeControl(value);
    } else if (index !== REG_C && index !== REG_D) {
      this.#memory[index] = value;
    }
  }

  /** Setting starts from the time as it is, and what the registers hold at its end becomes the time. */
  #writeControl(value: number): void {
    const wasBeingSet = this.#isBeingSet;
    if (!wasBeingSet) {
      this.#storeTime();
    }
    this.#memory[REG_B] = value;
    if (wasBeingSet && !this.#isBeingSet) {
      this.#adoptTime();
    }
  }

  #encoded(value: number): number {
    const isBinary = ((this.#memory[REG_B] ?? 0) & REG_B_BINARY) !== 0;
    return isBinary ? value : Math.floor(value / 10) * 16 + (value % 10);
  }

  #decoded(register: number, mask = 0xff): number {
    const value = (this.#memory[register] ?? 0) & mask;
    const isBinary = ((this.#memory[REG_B] ?? 0) & REG_B_BINARY) !== 0;
    return isBinary ? value : (value >> 4) * 10 + (value & 0x0f);
  }

  #storeTime(): void {
    const date = new Date(this.#now() + this.#offsetMs);
    const hours = date.getUTCHours();
    const is24Hours = ((this.#memory[REG_B] ?? 0) & REG_B_24_HOURS) !== 0;
    const year = date.getUTCFullYear();
    this.#memory[SECONDS] = this.#encoded(date.getUTCSeconds());
    this.#memory[MINUTES] = this.#encoded(date.getUTCMinutes());
    this.#memory[HOURS] = is24Hours
      ? this.#encoded(hours)
      : this.#encoded(hours % 12 || 12) | (hours >= 12 ? HOURS_PM : 0);
    this.#memory[DAY_OF_WEEK] = this.#encoded(date.getUTCDay() + 1);
    this.#memory[DAY_OF_MONTH] = this.#encoded(date.getUTCDate());
    this.#memory[MONTH] = this.#encoded(date.getUTCMonth() + 1);
    this.#memory[YEAR] = this.#encoded(year % 100);
    this.#memory[CENTURY] = this.#encoded(Math.floor(year / 100));
  }

  /** A field is at most 255, so whatever they hold makes a date, if not one that anybody meant. */
  #adoptTime(): void {
    const is24Hours = ((this.#memory[REG_B] ?? 0) & REG_B_24_HOURS) !== 0;
    const isAfternoon = ((this.#memory[HOURS] ?? 0) & HOURS_PM) !== 0;
    const hours = is24Hours
      ? this.#decoded(HOURS)
      : (this.#decoded(HOURS, ~HOURS_PM) % 12) + (isAfternoon ? 12 : 0);
    const date = new Date(0);
    date.setUTCFullYear(
      this.#decoded(CENTURY) * 100 + this.#decoded(YEAR),
      this.#decoded(MONTH) - 1,
      this.#decoded(DAY_OF_MONTH),
    );
    date.setUTCHours(hours, this.#decoded(MINUTES), this.#decoded(SECONDS));
    this.#offsetMs = date.getTime() - this.#now();
  }
}
