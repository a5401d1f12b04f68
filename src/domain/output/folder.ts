/**
 * The folder of a history, below a root that is trusted. Links on the way are not followed, and what stands in the way is
 * moved aside, never deleted: nobody knows whose it is.
 */
import { lstatSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { log } from "../../base/log.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { DIRECTORY_MODE } from "./layout.ts";

/** @throws a file system error */
export function moveAside(path: string): void {
  const aside = `${path}.aside-${Date.now()}-${process.hrtime.bigint()}`;
  renameSync(path, aside);
  log.warn("moved aside what stood in the way of output", { path, aside });
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false; // ENOTDIR, EACCES
  }
}

/** Makes a folder with those above it up to the root. @throws a file system error */
export function ensureFolder(root: string, relative: string): void {
  mkdirSync(root, { recursive: true, mode: DIRECTORY_MODE });
  let path = root;
  for (const part of relative.split("/")) {
    path = join(path, part);
    makeFolder(path);
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) {
      throw error;
    }
    if (!isFolder(path)) {
      moveAside(path);
      mkdirSync(path, { mode: DIRECTORY_MODE });
    }
  }
}

/** Whether a folder is there, with no link on the way to it from the root. */
export function hasFolder(root: string, relative: string): boolean {
  let path = root;
  return relative.split("/").every((part) => {
    path = join(path, part);
    return isFolder(path);
  });
}
