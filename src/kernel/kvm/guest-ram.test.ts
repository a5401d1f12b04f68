import { describe, expect, test } from "bun:test";
import { checkRam, GUEST_ADDRESS_LIMIT, type RamRegion } from "./guest-ram.ts";

const GIB = 2 ** 30;

const there: readonly RamRegion[] = [
  { start: 0x1_0000, bytes: new Uint8Array(0x2_0000), address: 0x1000 },
];

describe("checkRam", () => {
  test("takes regions that touch", () => {
    checkRam({ start: 0, bytes: 0x1_0000 }, there);
    checkRam({ start: 0x3_0000, bytes: 4 * GIB }, there);
    checkRam({ start: GUEST_ADDRESS_LIMIT - 4096, bytes: 4096 }, there);
  });

  test.each([
    [1, 4096, "its start is no multiple of 4096"],
    [-4096, 4096, "its start is no multiple of 4096"],
    [Number.NaN, 4096, "its start is no multiple of 4096"],
    [2 ** 53, 4096, "its start is no multiple of 4096"],
    [0, 0, "its size is no multiple of 4096"],
    [0, -4096, "its size is no multiple of 4096"],
    [0, 100, "its size is no multiple of 4096"],
    [0, 4 * GIB + 4096, "a region has at most 4294967296 bytes"],
    [GUEST_ADDRESS_LIMIT - 4096, 8192, "it ends beyond 0x10000000000000"],
    [0, 0x1_1000, "it overlaps the region at 0x10000 of 131072 bytes"],
    [0x2_f000, 4096, "it overlaps the region at 0x10000"],
    [0x1_1000, 4096, "it overlaps the region at 0x10000"],
  ])("refuses %d with %d bytes: %s", (start, bytes, why) => {
    expect(() => checkRam({ start, bytes }, there)).toThrow(why);
  });
});
