import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileDescriptor } from "../sys/fd.ts";
import { Mapping, MAX_VIEW_BYTES } from "../sys/mapping.ts";
import { IoVector, readVector, readVectorAt, writeVectorAt } from "./io-vector.ts";
import { RawFile } from "./raw-file.ts";

const folder = mkdtempSync(join(tmpdir(), "io-"));
afterAll(() => rmSync(folder, { recursive: true }));

function memory(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

test("IoVector moves bytes between a file's positions and parts of memory, in the order of the parts", () => {
  const path = join(folder, "positions");
  writeFileSync(path, "0123456789");
  const fd = openSync(path, "r+");
  const bytes = memory(4096);
  const vector = new IoVector(4);
  vector.add(bytes, 100, 2);
  vector.add(bytes, 0, 3);
  expect([vector.count, vector.byteLength]).toEqual([2, 5]);
  expect(readVectorAt(fd, vector, 4)).toBe(5);
  expect(Buffer.from(bytes.subarray(100, 103)).toString("latin1")).toBe("45\0");
  expect(Buffer.from(bytes.subarray(0, 4)).toString("latin1")).toBe("678\0");
  expect(writeVectorAt(fd, vector, 0)).toBe(5);
  closeSync(fd);
  expect(readFileSync(path, "utf8")).toBe("4567856789");
});

test("IoVector reaches all of the largest mapping, and none that is gone", () => {
  const path = join(folder, "large");
  writeFileSync(path, "far away");
  using file = new FileDescriptor(openSync(path, "r"));
  const vector = new IoVector(1);
  const mapping = new Mapping(MAX_VIEW_BYTES, "a test");
  const { bytes } = mapping;
  const view = new DataView(bytes.buffer);
  try {
    for (const offset of [2 ** 31 + 4, MAX_VIEW_BYTES - 8]) {
      vector.clear();
      vector.add(bytes, offset, 8);
      expect(readVectorAt(file.number, vector, 0)).toBe(8);
      expect(view.getUint32(offset, true)).toBe(Buffer.from("far ").readUInt32LE());
    }
  } finally {
    mapping[Symbol.dispose]();
  }
  vector.clear();
  expect(() => vector.add(bytes, 0, 8)).toThrow(RangeError);
});

test("IoVector refuses parts outside of their memory, and more than it has room for", () => {
  const vector = new IoVector(1);
  const bytes = memory(2048);
  for (const [offset, length] of [
    [0, 2049],
    [2048, 1],
    [-1, 1],
    [0, 0],
    [Number.NaN, 1],
  ] as const) {
    expect(() => vector.add(bytes, offset, length)).toThrow(RangeError);
  }
  expect(vector.add(bytes, 0, 2048)).toBe(true);
  expect(vector.add(bytes, 0, 1)).toBe(false);
  vector.clear();
  expect([vector.count, vector.byteLength]).toEqual([0, 0]);
  expect(() => new IoVector(1025)).toThrow(RangeError);
});

test("readVector answers with -errno", () => {
  const vector = new IoVector(1);
  vector.add(memory(2048), 0, 1);
  expect(readVector(1_000_000, vector)).toBe(-9);
});

test("RawFile zeroes and discards ranges, and keeps its size", () => {
  const path = join(folder, "raw");
  writeFileSync(path, Buffer.alloc(1 << 20, 1));
  using file = new RawFile(new FileDescriptor(openSync(path, "r+")), path);
  expect(file.sizeBytes).toBe(1 << 20);
  expect(file.zero(4096, 8192, false)).toBe(0);
  expect(file.zero((1 << 20) - 512, 512, true)).toBe(0);
  expect(file.flush()).toBe(0);
  const discarded = file.discard(65536, 65536);
  const now = readFileSync(path);
  expect(now.subarray(4096, 12288).every((byte) => byte === 0)).toBe(true);
  expect(now.subarray(-512).every((byte) => byte === 0)).toBe(true);
  expect([now[4095], now[12288], now[(1 << 20) - 513]]).toEqual([1, 1, 1]);
  expect(now.subarray(65536, 131072).every((byte) => byte === 0)).toBe(discarded === 0);
  expect(statSync(path).size).toBe(1 << 20);
});

test("RawFile refuses what has no size", () => {
  using pipe = new FileDescriptor(openSync("/proc/self/mounts", "r"));
  expect(() => new RawFile(new FileDescriptor(1_000_000), "nowhere")).toThrow(
    'lseek "nowhere": EBADF',
  );
  expect(pipe.isClosed).toBe(false);
});
