import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { Rtc } from "./rtc.ts";

const [SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY] = [
  0, 2, 4, 6, 7, 8, 9, 0x32,
] as const;
const FIELDS = [CENTURY, YEAR, MONTH, DAY, HOURS, MINUTES, SECONDS, WEEKDAY];
const [REG_A, REG_B, REG_C, REG_D] = [10, 11, 12, 13] as const;
const [SET, BINARY, DAY_OF_24] = [0x80, 4, 2] as const;

/** A Sunday. */
const START = Date.UTC(2026, 10, 29, 23, 58, 7);

class Clock {
  now = START;
  readonly rtc = new Rtc(() => this.now);

  get(register: number): number {
    this.rtc.write(0, new Uint8Array([register]));
    const data = new Uint8Array(1);
    this.rtc.read(1, data);
    return data[0]!;
  }

  set(register: number, value: number): void {
    this.rtc.write(0, new Uint8Array([register]));
    this.rtc.write(1, new Uint8Array([value]));
  }

  fields(): number[] {
    return FIELDS.map((register) => this.get(register));
  }
}

describe("Rtc", () => {
  test("tells the host's time in BCD and 24 hours, as a BIOS leaves it", () => {
    const clock = new Clock();
    expect(clock.fields()).toEqual([0x20, 0x26, 0x11, 0x29, 0x23, 0x58, 0x07, 1]);
    clock.now += 2 * 60_000;
    expect(clock.fields()).toEqual([0x20, 0x26, 0x11, 0x30, 0x00, 0x00, 0x07, 2]);
  });

  test("tells it in binary and in 12 hours where the guest wants that", () => {
    const clock = new Clock();
    clock.set(REG_B, BINARY);
    expect(clock.fields()).toEqual([20, 26, 11, 29, 0x80 | 11, 58, 7, 1]);
    clock.now += 60 * 60_000;
    expect(clock.get(HOURS)).toBe(12);
    clock.now += 13 * 60 * 60_000;
    expect(clock.get(HOURS)).toBe(0x80 | 1);
    clock.set(REG_B, 0);
    clock.now -= 60 * 60_000;
    expect(clock.get(HOURS)).toBe(0x80 | 0x12);
  });

  test("goes on from the time that the guest sets, as Linux does it", () => {
    const clock = new Clock();
    clock.set(REG_B, SET | DAY_OF_24);
    const time = [0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58];
    for (const [index, value] of time.entries()) {
      clock.set(FIELDS[index]!, value);
    }
    // While it is being set, it stands.
    clock.now += 5000;
    expect(clock.get(SECONDS)).toBe(0x58);
    clock.set(REG_B, DAY_OF_24);
    clock.now += 3000;
    expect(clock.fields()).toEqual([0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 7]);
  });

  test("takes one field that is set while it runs", () => {
    const clock = new Clock();
    clock.set(MINUTES, 0x10);
    expect(clock.fields()).toEqual([0x20, 0x26, 0x11, 0x29, 0x23, 0x10, 0x07, 1]);
  });

  test("has an update in progress at the end of a second alone, and not while it is set", () => {
    const clock = new Clock();
    expect(clock.get(REG_A)).toBe(0x26);
    clock.now += 999;
    expect(clock.get(REG_A)).toBe(0xa6);
    clock.set(REG_B, SET | DAY_OF_24);
    expect(clock.get(REG_A)).toBe(0x26);
    clock.set(REG_A, 0xff);
    expect(clock.get(REG_A)).toBe(0x7f);
  });

  test("has valid memory and no interrupt, whatever is written", () => {
    const clock = new Clock();
    clock.set(REG_C, 0xff);
    clock.set(REG_D, 0);
    expect([clock.get(REG_C), clock.get(REG_D)]).toEqual([0, 0x80]);
    clock.set(0x40, 0x5a);
    // The highest bit of the index is no part of it.
    expect([clock.get(0x40), clock.get(0xc0)]).toEqual([0x5a, 0x5a]);
  });

  test("reads as ones at its index, and in any other width", () => {
    const clock = new Clock();
    for (const [offset, bytes] of [
      [0, 1],
      [0, 2],
      [1, 4],
    ] as const) {
      const data = new Uint8Array(bytes);
      clock.rtc.read(offset, data);
      expect(data.every((byte) => byte === 0xff)).toBe(true);
    }
    clock.set(SECONDS, 0x30);
    clock.rtc.write(0, new Uint8Array([MINUTES, 0x11]));
    expect(clock.get(MINUTES)).toBe(0x58);
  });

  test("has a state that goes on with the time that was set, and its memory", () => {
    const clock = new Clock();
    clock.set(YEAR, 0x19);
    clock.set(0x40, 0x5a);
    const state = JSON.parse(JSON.stringify(clock.rtc.save()));
    const other = new Clock();
    other.now += 60_000;
    other.rtc.restore(state);
    const data = new Uint8Array(1);
    other.rtc.read(1, data);
    expect(data[0]).toBe(0x5a);
    expect(other.fields()).toEqual([0x20, 0x19, 0x11, 0x29, 0x23, 0x59, 0x07, 6]);
    for (const [field, value] of [
      ["version", 0],
      ["index", 128],
      ["memory", [1]],
      ["biasedOffsetMs", -1],
    ] as const) {
      expect(() => other.rtc.restore({ ...state, [field]: value })).toThrow(field);
    }
  });

  test("tells a time after 20,000 random writes from seed 9, too", () => {
    const random = randomFrom(9);
    const clock = new Clock();
    for (let round = 0; round < 20_000; round += 1) {
      clock.set(random(256), random(256));
      clock.now += random(2000);
    }
    clock.set(REG_B, BINARY | DAY_OF_24);
    const [, year, month, day, hours, minutes, seconds] = clock.fields() as [
      number,
      ...number[],
    ] as number[];
    expect([year! < 100, month! - 1 < 12, day! - 1 < 31]).toEqual([true, true, true]);
    expect([hours! < 24, minutes! < 60, seconds! < 60]).toEqual([true, true, true]);
  });
});
