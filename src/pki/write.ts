/**
 * Puts new files in place, each whole or not at all: written under a temporary name with their final mode, synced,
 * then linked (which never replaces) or renamed (which replaces). Neither follows a symbolic link at the target,
 * and no key is readable by others at any time.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import { unusable } from "./pair.ts";

export interface NewFile {
  readonly path: string;
  readonly content: string;
  readonly mode: 0o600 | 0o644;
}

interface Staged {
  readonly file: NewFile;
  readonly temporary: string;
}

/**
 * Writes all of `files` or, when not replacing, none of them.
 * @throws AuraeError `already_exists` for a file that appeared meanwhile; `failed_precondition` for what the file system refuses.
 */
export function writeFiles(files: readonly NewFile[], replace: boolean): void {
  const staged: Staged[] = [];
  const published: string[] = [];
  try {
    for (const file of files) {
      staged.push(stage(file));
    }
    for (const { file, temporary } of staged) {
      publish(temporary, file.path, replace);
      published.push(file.path);
    }
  } catch (error) {
    // What was replaced can't come back; what was new can go.
    for (const path of replace ? [] : published) {
      rmSync(path, { force: true });
    }
    throw error;
  } finally {
    for (const { temporary } of staged) {
      rmSync(temporary, { force: true });
    }
  }
  for (const dir of new Set(files.map((file) => dirname(file.path)))) {
    syncDirectory(dir);
  }
}

/**
 * Makes a directory and its parents, for what is no secret.
 * @throws AuraeError `failed_precondition`
 */
export function ensureDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw unusable(`can't create the directory "${dir}": ${messageOf(error)}`, error);
  }
}

/**
 * Makes the directory for keys, 0700, or checks that nobody else can put files into the one that is there.
 * @throws AuraeError `failed_precondition`
 */
export function ensurePrivateDirectory(dir: string): void {
  ensureDirectory(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
      throw unusable(`can't create the directory "${dir}": ${messageOf(error)}`, error);
    }
  }
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) {
    throw unusable(`"${dir}" is not a directory: remove it, or name another one with --dir`);
  }
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) {
    throw unusable(
      `the directory "${dir}" belongs to the user ${stat.uid}, who could replace the keys: run this as that user, or chown it`,
    );
  }
  if ((stat.mode & 0o022) !== 0) {
    throw unusable(
      `other users can write to the directory "${dir}": take that away with: chmod go-w ${dir}`,
    );
  }
}

function stage(file: NewFile): Staged {
  const name = `.${basename(file.path)}.${randomBytes(6).toString("hex")}.tmp`;
  const temporary = join(dirname(file.path), name);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, file.mode);
    try {
      writeFileSync(fd, file.content);
      // The umask may have taken bits away at creation; certificates are for everybody to read.
      fchmodSync(fd, file.mode);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return { file, temporary };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unusable(`can't write "${file.path}": ${messageOf(error)}`, error);
  }
}

function publish(temporary: string, path: string, replace: boolean): void {
  try {
    if (replace) {
      renameSync(temporary, path);
    } else {
      linkSync(temporary, path);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      throw new AuraeError(
        "already_exists",
        `"${path}" appeared while this ran: nothing was changed, run it again`,
        { cause: error },
      );
    }
    throw unusable(`can't put "${path}" in place: ${messageOf(error)}`, error);
  }
}

function syncDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
