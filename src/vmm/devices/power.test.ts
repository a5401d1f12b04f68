import { describe, expect, test } from "bun:test";
import { AcpiPower, I8042Reset, type PowerEvent } from "./power.ts";

function machine() {
  const events: PowerEvent[] = [];
  const presses: number[] = [];
  const ended = (event: PowerEvent) => void events.push(event);
  const power = new AcpiPower({ trigger: () => void presses.push(1) }, ended);
  return { events, presses, power, i8042: new I8042Reset(ended) };
}

describe("AcpiPower", () => {
  test("turns the machine off when the guest enables S5", () => {
    const { power, events } = machine();
    // SLP_TYP of 5, without and with SLP_EN.
    power.write(0, new Uint8Array([5 << 2]));
    expect(events).toEqual([]);
    power.write(0, new Uint8Array([(5 << 2) | 0x20]));
    expect(events).toEqual(["off"]);
  });

  test("resets the machine by the FADT's value in the reset register", () => {
    const { power, events } = machine();
    power.write(2, new Uint8Array([0]));
    expect(events).toEqual([]);
    power.write(2, new Uint8Array([1]));
    expect(events).toEqual(["reset"]);
  });

  test("does nothing on other sleep types, at the status register, and in other widths", () => {
    const { power, events } = machine();
    for (const value of Array.from({ length: 256 }, (_, at) => at)) {
      power.write(1, new Uint8Array([value]));
      if (value !== 0x34 && (value & 0x3c) !== 0x34) {
        power.write(0, new Uint8Array([value]));
      }
    }
    power.write(0, new Uint8Array([0x34, 0]));
    power.write(2, new Uint8Array([1, 0, 0, 0]));
    power.write(2, new Uint8Array(0));
    expect(events).toEqual([]);
  });

  test("reads as zero", () => {
    const data = new Uint8Array([1, 2]);
    machine().power.read(0, data);
    expect([...data]).toEqual([0, 0]);
  });

  test("raises the interrupt of the button, and ends nothing by itself", () => {
    const { power, events, presses } = machine();
    power.pressButton();
    expect([presses.length, events.length]).toEqual([1, 0]);
  });
});

test("I8042Reset is ready for a command, and knows the one that resets", () => {
  const { i8042, events } = machine();
  const status = new Uint8Array([0xff]);
  i8042.read(0, status);
  expect(status[0]).toBe(0);
  i8042.write(0, new Uint8Array([0xd1]));
  i8042.write(0, new Uint8Array([0xfe, 0xfe]));
  expect(events).toEqual([]);
  i8042.write(0, new Uint8Array([0xfe]));
  expect(events).toEqual(["reset"]);
});
