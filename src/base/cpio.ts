/**
 * Writes cpio archives in the "newc" form that the kernel unpacks (Documentation/driver-api/early-userspace/
 * buffer-format.rst). Reproducible: the same entries in any order give the same bytes; owner, time and inode numbers
 * are fixed. It reads no files: contents are handed in.
 */

export type CpioEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: number;
      readonly content: Uint8Array;
    }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | {
      readonly kind: "character-device";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/** The kernel refuses names and link targets longer than its PATH_MAX. */
export const MAX_PATH_BYTES = 4095;
export const MAX_FILE_BYTES = 1 << 30;
export const MAX_ENTRIES = 65_536;

const TYPE_BITS = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  "character-device": 0o020000,
} as const;
const TRAILER = "TRAILER!!!";
const NOTHING = new Uint8Array(0);

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, "0");

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}

function checkPath(path: string): void {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || path.includes("\0")) {
    throw new RangeError(`put ${JSON.stringify(path)} in an archive: not a clean relative path`);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new RangeError(`put a path of ${Buffer.byteLength(path)} bytes in an archive: too long`);
  }
}

function bodyOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === "symlink") {
    const target = Buffer.from(entry.target);
    if (target.length === 0 || target.length > MAX_PATH_BYTES || target.includes(0)) {
      throw new RangeError(`link ${JSON.stringify(entry.path)} in an archive: bad target`);
    }
    return target;
  }
  if (entry.kind === "file") {
    if (entry.content.length > MAX_FILE_BYTES) {
      throw new RangeError(`put ${JSON.stringify(entry.path)} in an archive: over 1 GiB`);
    }
    return entry.content;
  }
  return NOTHING;
}

function header(path: string, mode: number, inode: number, size: number, device: number[]): Buffer {
  const name = Buffer.from(`${path}\0`);
  const [major = 0, minor = 0] = device;
  const links = mode >> 12 === TYPE_BITS.directory >> 12 ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length, 0];
  const head = Buffer.concat([Buffer.from(`070701${fields.map(hex).join("")}`), name]);
  return Buffer.concat([head, padding(head.length)]);
}

/** Adds the directories that entries stand in and that are not entries themselves. */
function withParents(entries: readonly CpioEntry[]): Map<string, CpioEntry> {
  const all = new Map<string, CpioEntry>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (all.has(entry.path)) {
      throw new RangeError(`put ${JSON.stringify(entry.path)} in an archive: it is there already`);
    }
    all.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const parent = path.slice(0, at);
      const there = all.get(parent) ?? { kind: "directory", path: parent, mode: 0o755 };
      if (there.kind !== "directory") {
        throw new RangeError(
          `put ${JSON.stringify(path)} in an archive: "${parent}" is a ${there.kind}`,
        );
      }
      all.set(parent, there);
    }
  }
  return all;
}

/**
 * The archive of some entries, parents first, with its trailer; its length is a multiple of 4.
 * @throws {RangeError} on a path that is not clean, that is there twice, or anything over its bound
 */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array {
  const all = [...withParents(entries).values()];
  if (all.length > MAX_ENTRIES) {
    throw new RangeError(`put ${all.length} entries in an archive: more than ${MAX_ENTRIES}`);
  }
  all.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  const parts: Uint8Array[] = [];
  all.forEach((entry, index) => {
    const body = bodyOf(entry);
    const permissions = entry.kind === "symlink" ? 0o777 : entry.mode & 0o7777;
    const device = entry.kind === "character-device" ? [entry.major, entry.minor] : [];
    const mode = TYPE_BITS[entry.kind] | permissions;
    parts.push(
      header(entry.path, mode, index + 1, body.length, device),
      body,
      padding(body.length),
    );
  });
  parts.push(header(TRAILER, 0, 0, 0, []));
  return Buffer.concat(parts);
}
