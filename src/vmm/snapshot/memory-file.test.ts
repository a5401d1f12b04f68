import { afterAll, describe, expect, test } from "bun:test";
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
import { randomFrom } from "../../../test/harness/random.ts";
import { checkMemoryFile, writeMemoryFile } from "./memory-file.ts";

const PAGE = 4096;
const folder = mkdtempSync(join(tmpdir(), "memory-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(regions: readonly Uint8Array[]) {
  const path = join(folder, "memory");
  const fd = openSync(path, "w+");
  try {
    const result = writeMemoryFile(
      fd,
      regions.map((bytes, i) => ({ start: i * 2 ** 32, bytes })),
    );
    return { ...result, path, file: readFileSync(path) };
  } finally {
    closeSync(fd);
  }
}

describe("writeMemoryFile", () => {
  test("writes the pages that are not zero, wherever they are", () => {
    const random = randomFrom(11);
    for (let round = 0; round < 20; round++) {
      const regions = Array.from(
        { length: 1 + random(3) },
        () => new Uint8Array((1 + random(300)) * PAGE),
      );
      let used = 0;
      for (const bytes of regions) {
        const isDense = random(2) === 0;
        for (let page = 0; page < bytes.length / PAGE; page++) {
          if (random(isDense ? 2 : 40) === 0) {
            bytes[page * PAGE + random(PAGE)] = 1 + random(255);
            used += PAGE;
          }
        }
      }
      const { memoryBytes, writtenBytes, file } = written(regions);
      expect(memoryBytes).toBe(regions.reduce((sum, { length }) => sum + length, 0));
      expect(writtenBytes).toBe(used);
      expect(file.equals(Buffer.concat(regions))).toBe(true);
    }
  });

  test("leaves holes, and nothing of what was in the file", () => {
    writeFileSync(join(folder, "memory"), new Uint8Array(64 * PAGE).fill(1));
    const memory = new Uint8Array(1024 * PAGE);
    memory[600 * PAGE] = 1;
    const { path, file } = written([memory]);
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(16 * PAGE);
    expect(file.equals(memory)).toBe(true);
  });
});

test("checkMemoryFile refuses what is shorter or longer than the memory, and no file", () => {
  const path = join(folder, "short");
  writeFileSync(path, new Uint8Array(PAGE));
  const fd = openSync(path, "r");
  checkMemoryFile(fd, PAGE);
  expect(() => checkMemoryFile(fd, 2 * PAGE)).toThrow("has 4096 bytes, and the machine 8192");
  expect(() => checkMemoryFile(fd, 0)).toThrow("the file is cut, or another's");
  closeSync(fd);
  const directory = openSync(folder, "r");
  expect(() => checkMemoryFile(directory, statSync(folder).size)).toThrow("the file is cut");
  closeSync(directory);
});
