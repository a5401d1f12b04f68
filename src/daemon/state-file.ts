/**
 * The file of the state before it is opened, and when it can't be: tells a foreign one by its first bytes, since SQLite
 * writes to what it opens, and moves what can't be read aside.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";

/** Stands in the header of the database: "aura". */
export const APPLICATION_ID = 0x61757261;

/** The Database Header (https://sqlite.org/fileformat.html, section 1.3). */
const HEADER = { bytes: 100, magic: "SQLite format 3\0", applicationId: 68 } as const;

/** What SQLite keeps beside a database. */
const SUFFIXES = ["", "-wal", "-shm", "-journal"];

/** For the daemon's user alone. */
const MODE = 0o600;

/** What is wrong is not the file, but the disk, or who may write there: SQLite's codes and errnos. */
const NOT_ITS_FAULT =
  /^(SQLITE_(FULL|READONLY|PERM|NOMEM|CANTOPEN|AUTH|IOERR(?!_SHORT_READ))|E[A-Z]+$)/;

/** @throws {Error} for what is there and is not our database */
export function refuseForeign(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    if (SUFFIXES.some((suffix) => existsSync(`${path}${suffix}`))) {
      throw new Error("its log is there without it");
    }
    return;
  }
  if (!stat.isFile()) {
    throw new Error("it is no file");
  }
  // One that is empty is of a daemon that was killed as it made it.
  if (stat.size > 0 && !isOurs(readHeader(path))) {
    throw new Error("it is no state of auraed");
  }
}

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(HEADER.bytes);
  const fd = openSync(path, "r");
  try {
    readSync(fd, header);
    return header;
  } finally {
    closeSync(fd);
  }
}

function isOurs(header: Buffer): boolean {
  return (
    header.toString("latin1", 0, HEADER.magic.length) === HEADER.magic &&
    header.readUInt32BE(HEADER.applicationId) === APPLICATION_ID
  );
}

/** Whether it is the file itself that keeps it from being opened. */
export function isUnreadable(path: string, error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? `${error.code}` : "";
  return SUFFIXES.some((suffix) => existsSync(`${path}${suffix}`)) && !NOT_ITS_FAULT.test(code);
}

/**
 * Makes the file, if it is not there, and sees that nobody else may read it. SQLite gives its mode to what it makes
 * beside it; what an earlier daemon left there is seen to here.
 * @throws {Error} for a link, too
 */
export function makePrivate(path: string): void {
  for (const suffix of SUFFIXES) {
    const file = `${path}${suffix}`;
    if (suffix === "") {
      hide(file, constants.O_RDWR | constants.O_CREAT);
    } else if (existsSync(file)) {
      hide(file, constants.O_RDWR);
    }
  }
}

function hide(file: string, flags: number): void {
  const fd = openSync(file, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, MODE);
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() && (stat.mode & 0o7777) !== MODE) {
      fchmodSync(fd, MODE);
    }
  } finally {
    closeSync(fd);
  }
}

/** @throws {Error} where it can't be moved */
export function moveAside(path: string, why: unknown): void {
  const name = `${path}.unreadable-${new Date().toISOString().replaceAll(":", "-")}`;
  let aside = name;
  for (let i = 2; existsSync(aside); i++) {
    aside = `${name}.${i}`;
  }
  for (const suffix of SUFFIXES) {
    if (existsSync(`${path}${suffix}`)) {
      renameSync(`${path}${suffix}`, `${aside}${suffix}`);
      hideIfOurs(`${aside}${suffix}`);
    }
  }
  log.error("the state could not be read, and was moved aside; cells of before are not known", {
    path,
    aside,
    cause: messageOf(why),
  });
}

function hideIfOurs(file: string): void {
  try {
    hide(file, constants.O_RDONLY);
  } catch {
    // A link, or a file of another user: no daemon wrote our secrets there.
  }
}
