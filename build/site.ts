/**
 * The archive of one machine: the files of a folder as /etc/aurae/**. It is appended to the initramfs, and the kernel
 * unpacks both. Modes are kept as they are, but keys are never readable by others.
 */
import { type Dirent, lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { cpioArchive, type CpioEntry } from "../src/base/cpio.ts";
import { messageOf } from "../src/base/errors.ts";
import { BuildError } from "./error.ts";

/** A site is PKI, policy and scripts. More than this is a mistake, such as the wrong folder. */
export const MAX_SITE_BYTES = 64 * 1024 * 1024;
const HOME = "etc/aurae";
/** What auraed does not start without. */
const NEEDED = ["pki/ca.crt", "pki/_signed.server.crt", "pki/server.key"];
/** The keys of the CA and of clients, by the names that `auraed pki` gives them. The machine itself has only `boot`. */
const FOREIGN_KEY = /^(?:ca|client\.(?!boot\.key$).*)\.key$/;
/** What runs the machine's own script. */
const BOOT_SCRIPT = "boot.ts";
const BOOT_NEEDS = ["pki/_signed.client.boot.crt", "pki/client.boot.key"];

function entriesIn(directory: string, site: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const fault =
      code === "ENOENT" ? "no such folder" : code === "ENOTDIR" ? "no folder" : messageOf(cause);
    throw new BuildError(`read the site "${site}": ${fault}`, { cause });
  }
}

/** All that is in a folder, and in its folders. Our own walk: a recursive readdirSync of Bun's goes into links. */
function* walk(directory: string, site: string = directory): Generator<[Dirent, string]> {
  for (const found of entriesIn(directory, site)) {
    const source = join(directory, found.name);
    yield [found, source];
    if (found.isDirectory()) {
      yield* walk(source, site);
    }
  }
}

/**
 * Sees that a folder has what a machine needs, and no key that none needs: who reads the image has all that is in it.
 * @throws {BuildError} naming the file and the remedy
 */
export function checkSite(directory: string): void {
  const files = new Set<string>();
  for (const [found, source] of walk(directory)) {
    const path = relative(directory, source);
    if (FOREIGN_KEY.test(found.name)) {
      throw new BuildError(
        `pack the site "${directory}": whoever can read the image would have ${path}; remove it: a machine does not need it`,
      );
    }
    if (!found.isDirectory()) {
      files.add(path);
    }
  }
  const lacking = files.has(BOOT_SCRIPT) ? BOOT_NEEDS.filter((path) => !files.has(path)) : [];
  if (lacking.length > 0) {
    throw new BuildError(
      `pack the site "${directory}": it has ${BOOT_SCRIPT}, which is not run without ${lacking.join(" and ")}; make them with "auraed pki --client boot" and copy them there`,
    );
  }
  const missing = NEEDED.find((path) => !files.has(path));
  if (missing !== undefined) {
    throw new BuildError(
      `pack the site "${directory}": it has no file ${missing}; copy ${NEEDED.join(", ")} of a PKI there, and nothing else of it`,
    );
  }
}

/** @throws {BuildError} on a folder that is missing, too large, or holds something else than files, folders and links */
export function siteArchive(directory: string): Uint8Array {
  const entries: CpioEntry[] = [];
  let bytes = 0;
  for (const [found, source] of walk(directory)) {
    const path = `${HOME}/${relative(directory, source)}`;
    const mode = lstatSync(source).mode & 0o777;
    if (found.isDirectory()) {
      entries.push({ kind: "directory", path, mode });
    } else if (found.isSymbolicLink()) {
      entries.push({ kind: "symlink", path, target: readlinkSync(source) });
    } else if (found.isFile()) {
      // Before it is read: what is in the wrong folder may be of any size.
      bytes += lstatSync(source).size;
      if (bytes > MAX_SITE_BYTES) {
        throw new BuildError(`pack the site "${directory}": more than ${MAX_SITE_BYTES} bytes`);
      }
      const content = readFileSync(source);
      entries.push({ kind: "file", path, mode: path.endsWith(".key") ? 0o600 : mode, content });
    } else {
      throw new BuildError(`pack the site: "${source}" is neither a file, a folder nor a link`);
    }
  }
  return cpioArchive(entries);
}
