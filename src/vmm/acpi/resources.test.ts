import { expect, test } from "bun:test";
import { interrupt, io, memory32Fixed, resourceTemplate } from "./resources.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("io describes ports with 16 address lines", () => {
  expect(hex(io(0x3f8, 8))).toBe("4701f803f8030108");
});

test("memory32Fixed describes memory that can be written", () => {
  expect(hex(memory32Fixed(0xd000_0000, 0x1000))).toBe("86090001000000d000100000");
});

test.each([
  ["edge", "exclusive", "03"],
  ["edge", "shared", "0b"],
  ["level", "exclusive", "01"],
  ["level", "shared", "09"],
] as const)("interrupt describes a line of %s, %s, active high", (trigger, sharing, flags) => {
  expect(hex(interrupt(23, { trigger, sharing }))).toBe(`890600${flags}0117000000`);
});

test("resourceTemplate is a buffer that ends with an end tag", () => {
  expect(hex(resourceTemplate())).toBe("11050a027900");
  expect(hex(resourceTemplate(io(0x70, 2)))).toBe("110d0a0a47017000700001027900");
});
