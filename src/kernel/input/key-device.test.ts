import { expect, test } from "bun:test";
import { KEY_POWER } from "../abi/input.ts";
import { hasBit } from "./key-device.ts";

test("hasBit finds the power key in what sysfs prints", () => {
  expect(hasBit("10000000000000 0\n", KEY_POWER)).toBe(true); // ACPI's power button
  expect(hasBit("402000007 3802078f840d001 feffffdfffefffff fffffffffffffffe\n", 0)).toBe(false);
  expect(hasBit("402000007 3802078f840d001 feffffdfffefffff fffffffffffffffe\n", 1)).toBe(true);
  expect(hasBit("402000007 3802078f840d001 feffffdfffefffff fffffffffffffffe\n", 194)).toBe(true);
});

test("hasBit finds nothing beyond the words, and in what is none", () => {
  expect(hasBit("ff", 64)).toBe(false);
  for (const text of ["", "\n", "0x10", "g", "-1", "11111111111111111"]) {
    expect(hasBit(text, 4)).toBe(false);
  }
});
