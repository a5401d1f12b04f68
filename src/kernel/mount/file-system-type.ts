/** Which file system a drive has, by what stands in its first blocks. Knows those that a machine of ours can mount. */
import { closeSync, openSync, readSync } from "node:fs";

interface Magic {
  readonly type: string;
  readonly offset: number;
  readonly bytes: string;
}

/** As each system's own documents have them; vfat by the text that mkfs writes, since a boot sector alone is no sign. */
const MAGICS: readonly Magic[] = [
  { type: "xfs", offset: 0, bytes: "XFSB" },
  { type: "squashfs", offset: 0, bytes: "hsqs" },
  { type: "ext4", offset: 0x438, bytes: "\x53\xef" },
  { type: "iso9660", offset: 0x8001, bytes: "CD001" },
  { type: "vfat", offset: 0x52, bytes: "FAT32   " },
  { type: "vfat", offset: 0x36, bytes: "FAT16   " },
  { type: "vfat", offset: 0x36, bytes: "FAT12   " },
];
const HEAD_BYTES = 0x8010;

/** The type that mount(2) wants; undefined for none that is known here. Ext2 and ext3 are mounted as ext4, as well. */
export function fileSystemTypeOf(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const found = MAGICS.find(({ offset, bytes: magic }) => {
    return bytes.toString("latin1", offset, offset + magic.length) === magic;
  });
  return found?.type;
}

/** Looks at a drive. @throws {Error} ENOENT, EACCES, ENXIO */
export function readFileSystemType(device: string): string | undefined {
  const fd = openSync(device, "r");
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const length = readSync(fd, head, 0, HEAD_BYTES, 0);
    return fileSystemTypeOf(head.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}
