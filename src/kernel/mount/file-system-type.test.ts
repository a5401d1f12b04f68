import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSystemTypeOf, readFileSystemType } from "./file-system-type.ts";

/** The first blocks of a drive with a text at a place. */
function headWith(text: string, offset: number): Uint8Array {
  const head = Buffer.alloc(0x8010);
  head.write(text, offset, "latin1");
  return head;
}

test.each([
  ["XFSB", 0, "xfs"],
  ["hsqs", 0, "squashfs"],
  ["\x53\xef", 1080, "ext4"],
  ["CD001", 32_769, "iso9660"],
  ["FAT32   ", 82, "vfat"],
  ["FAT16   ", 54, "vfat"],
])("fileSystemTypeOf knows %j at %d", (text, offset, type) => {
  expect(fileSystemTypeOf(headWith(text, offset))).toBe(type);
  expect(fileSystemTypeOf(headWith(text, offset + 1))).toBeUndefined();
});

test("fileSystemTypeOf knows nothing of empty, short and random drives", () => {
  expect(fileSystemTypeOf(new Uint8Array(0x8010))).toBeUndefined();
  expect(fileSystemTypeOf(new Uint8Array(0))).toBeUndefined();
  expect(fileSystemTypeOf(headWith("CD001", 32_769).subarray(0, 32_771))).toBeUndefined();
});

test.skipIf(Bun.which("mkfs.ext4") === null)(
  "readFileSystemType knows what mkfs.ext4 makes",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "auraed-fs-"));
    try {
      const image = join(folder, "image");
      writeFileSync(image, "");
      truncateSync(image, 4 * 1024 * 1024);
      expect(readFileSystemType(image)).toBeUndefined();
      Bun.spawnSync(["mkfs.ext4", "-q", image]);
      expect(readFileSystemType(image)).toBe("ext4");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
