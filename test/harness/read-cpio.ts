/** What stands in a cpio archive, for tests of what is put into one. */
import { expect } from "bun:test";

export interface CpioRecord {
  readonly path: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly device: readonly [number, number];
  readonly body: Buffer;
}

/** A reader of newc as the kernel's init/initramfs.c reads it: every header and body starts at a multiple of four. */
export function readCpio(archive: Uint8Array): CpioRecord[] {
  const bytes = Buffer.from(archive);
  const entries: CpioRecord[] = [];
  for (let at = 0; ;) {
    expect(at % 4).toBe(0);
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const fields = Array.from({ length: 13 }, (_, index) => {
      const text = bytes.toString("latin1", at + 6 + index * 8, at + 14 + index * 8);
      expect(text).toMatch(/^[0-9A-F]{8}$/);
      return parseInt(text, 16);
    });
    const [inode = 0, mode = 0, uid, gid, links = 0, mtime, size = 0] = fields;
    const [, , , , , , , major, minor, rdevMajor = 0, rdevMinor = 0, nameBytes = 0, check] = fields;
    expect([uid, gid, mtime, major, minor, check]).toEqual([0, 0, 0, 0, 0, 0]);
    const nameEnd = at + 110 + nameBytes;
    expect(bytes[nameEnd - 1]).toBe(0);
    const path = bytes.toString("utf8", at + 110, nameEnd - 1);
    const start = Math.ceil(nameEnd / 4) * 4;
    const next = Math.ceil((start + size) / 4) * 4;
    for (const gap of [bytes.subarray(nameEnd, start), bytes.subarray(start + size, next)]) {
      expect(gap.every((byte) => byte === 0)).toBe(true);
    }
    if (path === "TRAILER!!!") {
      expect(next).toBe(bytes.length);
      return entries;
    }
    const body = bytes.subarray(start, start + size);
    entries.push({ path, inode, mode, links, device: [rdevMajor, rdevMinor], body });
    at = next;
  }
}
