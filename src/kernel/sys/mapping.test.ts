import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesAt, Mapping, MAX_VIEW_BYTES } from "./mapping.ts";

const PAGE = 4096;

function isMapped(address: number): boolean {
  // At the start of a line: another mapping may end there.
  return `\n${readFileSync("/proc/self/maps", "utf8")}`.includes(`\n${address.toString(16)}-`);
}

/** How much address space this process has, in bytes. */
function addressSpace(): number {
  return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[0]) * PAGE;
}

/** Runs with the descriptor of a file of two pages, the first of 1s, and removes it. */
function withFile(use: (fd: number, path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "auraed-mapping-"));
  const path = join(folder, "file");
  writeFileSync(path, new Uint8Array(2 * PAGE).fill(1, 0, PAGE));
  const fd = openSync(path, "r+");
  try {
    use(fd, path);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

describe("Mapping", () => {
  test("is memory of zeroes, which bytesAt shows to others", () => {
    using mapping = new Mapping(3 * PAGE, "a test");
    const other = bytesAt(mapping.address + PAGE, PAGE);
    expect(mapping.bytes.length).toBe(3 * PAGE);
    expect(mapping.bytes.every((byte) => byte === 0)).toBe(true);
    mapping.bytes[PAGE] = 7;
    other[PAGE - 1] = 8;
    expect([other[0], mapping.bytes[2 * PAGE - 1]]).toEqual([7, 8]);
  });

  test("leaves views of length 0 behind, and no memory", () => {
    const mapping = new Mapping(PAGE, "a test");
    const { address, bytes } = mapping;
    const part = bytes.subarray(10, 20);
    const view = new DataView(bytes.buffer);
    expect(isMapped(address)).toBe(true);
    mapping[Symbol.dispose]();
    expect([bytes.length, part.length, mapping.bytes.length]).toEqual([0, 0, 0]);
    expect(() => view.getUint8(0)).toThrow(TypeError);
    expect(isMapped(address)).toBe(false);
    mapping[Symbol.dispose]();
  });

  test("has as much as a view can have, and no more", () => {
    using mapping = new Mapping(MAX_VIEW_BYTES, "a test");
    mapping.bytes[MAX_VIEW_BYTES - 1] = 1;
    expect(mapping.bytes.length).toBe(MAX_VIEW_BYTES);
    for (const length of [MAX_VIEW_BYTES + PAGE, 0, -1, 0.5, Number.NaN]) {
      expect(() => new Mapping(length, "a test")).toThrow(`can't map ${length} bytes for a test`);
    }
  });

  test("lies at a multiple of what is asked for, and takes no more addresses than it has", () => {
    const alignment = 2 ** 30;
    const before = addressSpace();
    const mapping = new Mapping(3 * PAGE, "a test", undefined, alignment);
    const { address } = mapping;
    expect([mapping.bytes[3 * PAGE - 1], address % alignment]).toEqual([0, 0]);
    expect(addressSpace() - before).toBeLessThan(alignment / 2);
    mapping[Symbol.dispose]();
    expect(isMapped(address)).toBe(false);
  });

  test("leaves no addresses taken where a file can't be mapped at its place", () => {
    const before = addressSpace();
    const file = { fd: 999_999, offset: 0, isShared: false };
    expect(() => new Mapping(2 ** 30, "a test", file, 512 * PAGE)).toThrow("EBADF");
    expect(addressSpace() - before).toBeLessThan(2 ** 29);
  });

  test("writes to a file only when it is shared", () => {
    withFile((fd, path) => {
      using own = new Mapping(PAGE, "a test", { fd, offset: 0, isShared: false });
      using shared = new Mapping(PAGE, "a test", { fd, offset: PAGE, isShared: true });
      expect([own.bytes[0], shared.bytes[0]]).toEqual([1, 0]);
      own.bytes[0] = 5;
      shared.bytes[0] = 6;
      const file = readFileSync(path);
      expect([file[0], file[PAGE]]).toEqual([1, 6]);
    });
  });

  test("names what it was for when the kernel refuses it", () => {
    const map = () => new Mapping(PAGE, "vCPU 3", { fd: 999_999, offset: 0, isShared: true });
    expect(map).toThrow("mmap 4096 bytes for vCPU 3: EBADF");
  });
});

test("bytesAt refuses what can't be an address", () => {
  for (const address of [0, -PAGE, 1.5, 2 ** 47, Number.NaN]) {
    expect(() => bytesAt(address, PAGE)).toThrow("not the address of 4096 bytes");
  }
});
