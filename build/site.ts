/**
 * The archive of one machine: the files of a folder as /etc/aurae/**. It is appended to the initramfs, and the kernel
 * unpacks both. Modes are kept as they are, but keys are never readable by others.
 */
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { cpioArchive, type CpioEntry } from "../initramfs/cpio.ts";

/** A site is PKI, policy and scripts. More than this is a mistake, such as the wrong folder. */
export const MAX_SITE_BYTES = 64 * 1024 * 1024;
const HOME = "etc/aurae";

/** @throws {Error} on a folder that is missing, too large, or holds something else than files, folders and links */
export function siteArchive(directory: string): Uint8Array {
  const entries: CpioEntry[] = [];
  let bytes = 0;
  for (const found of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const source = join(found.parentPath, found.name);
    const path = `${HOME}/${relative(directory, source)}`;
    const mode = lstatSync(source).mode & 0o777;
    if (found.isDirectory()) {
      entries.push({ kind: "directory", path, mode });
    } else if (found.isSymbolicLink()) {
      entries.push({ kind: "symlink", path, target: readlinkSync(source) });
    } else if (found.isFile()) {
      const content = readFileSync(source);
      bytes += content.length;
      if (bytes > MAX_SITE_BYTES) {
        throw new Error(`pack the site "${directory}": more than ${MAX_SITE_BYTES} bytes`);
      }
      entries.push({ kind: "file", path, mode: path.endsWith(".key") ? 0o600 : mode, content });
    } else {
      throw new Error(`pack the site: "${source}" is neither a file, a folder nor a link`);
    }
  }
  return cpioArchive(entries);
}
