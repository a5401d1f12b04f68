import { describe, expect, test } from "bun:test";
import { guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import { Image } from "./image.ts";
import { loadInitrd } from "./initrd.ts";

const LIMITS = { kernelEnd: 4 * MIB, maxAddress: 0xffff_ffff };
const initrd = (bytes: number) => Image.ofBytes("initrd", new Uint8Array(bytes).fill(7));

describe("loadInitrd", () => {
  test("puts it at the end of memory, on a page", () => {
    const memory = guestMemory(16 * MIB);
    const placed = loadInitrd(memory, initrd(5000), LIMITS);
    expect(placed).toEqual({ address: 16 * MIB - 8192, bytes: 5000 });
    expect(memory.bytes(placed.address, 5000).every((byte) => byte === 7)).toBe(true);
    expect([...memory.bytes(placed.address + 5000, 1)]).toEqual([0]);
  });

  test("stays below what the kernel can reach", () => {
    const limits = { ...LIMITS, maxAddress: 8 * MIB - 1 };
    expect(loadInitrd(guestMemory(16 * MIB), initrd(4096), limits).address).toBe(8 * MIB - 4096);
  });

  test("refuses one that reaches into the kernel", () => {
    const memory = guestMemory(16 * MIB);
    expect(loadInitrd(memory, initrd(12 * MIB), LIMITS).address).toBe(4 * MIB);
    expect(() => loadInitrd(memory, initrd(12 * MIB + 1), LIMITS)).toThrow(
      "do not fit between the kernel, which ends at 4 MiB, and the end of what it may use at 16 MiB",
    );
  });

  test("refuses an empty file", () => {
    expect(() => loadInitrd(guestMemory(16 * MIB), initrd(0), LIMITS)).toThrow("file is empty");
  });
});
