import { expect, test } from "bun:test";
import { GuestMemory, GuestMemoryError } from "./guest-memory.ts";

function twoRegions(): GuestMemory {
  return new GuestMemory([
    { start: 0x1_0000_0000, bytes: new Uint8Array(0x1000) },
    { start: 0, bytes: new Uint8Array(0x2000) },
  ]);
}

test("GuestMemory reads and writes little-endian, at any alignment, in every region", () => {
  const memory = twoRegions();
  for (const address of [0, 1, 0x1ff8, 0x1_0000_0003]) {
    memory.write64(address, 0x8877_6655_4433_2211n);
    expect(memory.read64(address)).toBe(0x8877_6655_4433_2211n);
    expect(memory.read32(address)).toBe(0x4433_2211);
    expect(memory.read16(address)).toBe(0x2211);
    memory.write16(address, 0xabcd);
    memory.write32(address + 4, 0xdead_beef);
    expect([...memory.bytes(address, 8)]).toEqual([0xcd, 0xab, 0x33, 0x44, 0xef, 0xbe, 0xad, 0xde]);
  }
});

test("GuestMemory bytes and find are the region itself, no copy", () => {
  const bytes = new Uint8Array(0x100);
  const memory = new GuestMemory([{ start: 0x1000, bytes }]);
  memory.bytes(0x1010, 4).fill(7);
  expect(bytes.subarray(0xf, 0x15)).toEqual(Uint8Array.of(0, 7, 7, 7, 7, 0));
  const region = memory.find(0x10ff, 1);
  expect(region.bytes).toBe(bytes);
  expect([region.start, region.end, region.view.byteLength]).toEqual([0x1000, 0x1100, 0x100]);
});

const OUTSIDE: readonly [address: number, length: number][] = [
  [0x2000, 1],
  [0x1fff, 2],
  [0, 0x2001],
  [0x1_0000_0ffd, 4],
  [0xffff_ffff, 2],
  [-1, 2],
  [0, -1],
  [0.5, 1],
  [Number.NaN, 1],
  [2 ** 52, 1],
  [2 ** 64 - 2048, 4096],
  [0, 2 ** 53],
  [Number.POSITIVE_INFINITY, 1],
];

test.each(OUTSIDE)("GuestMemory refuses %p with %p bytes", (address, length) => {
  const memory = twoRegions();
  expect(() => memory.bytes(address, length)).toThrow(GuestMemoryError);
  expect(() => memory.find(address, length)).toThrow(GuestMemoryError);
});

test("GuestMemory refuses a number that a region ends in", () => {
  const memory = twoRegions();
  expect(() => memory.read16(0x1fff)).toThrow("no guest memory at 0x1fff, 2 bytes");
  expect(() => memory.read32(0x1ffd)).toThrow(GuestMemoryError);
  expect(() => memory.read64(0x1ff9)).toThrow(GuestMemoryError);
  expect(() => memory.write16(0x1fff, 0)).toThrow(GuestMemoryError);
  expect(() => memory.write32(0x1ffd, 0)).toThrow(GuestMemoryError);
  expect(() => memory.write64(0x1ff9, 0n)).toThrow(GuestMemoryError);
});

test("GuestMemory refuses regions that overlap, and such as are beyond 2^52", () => {
  const region = (start: number, length: number) => ({ start, bytes: new Uint8Array(length) });
  expect(() => new GuestMemory([region(0, 0x1000), region(0xfff, 1)])).toThrow(/overlaps/);
  expect(() => new GuestMemory([region(2 ** 52 - 1, 2)])).toThrow(RangeError);
  expect(() => new GuestMemory([region(-1, 2)])).toThrow(RangeError);
  expect(new GuestMemory([region(0x1000, 1), region(0, 0x1000)]).regions).toHaveLength(2);
});
