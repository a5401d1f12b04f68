/**
 * Opens what a virtual machine is made of, as the daemon: its monitor opens nothing itself. Each file is looked at before it
 * is handed on, and an error says which one it is and what to do.
 */
import { constants, fstatSync, openSync, type Stats, statSync, writeSync } from "node:fs";
import { AuraeError } from "../base/errors.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC } from "../kernel/abi/memfd.ts";
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  O_CLOEXEC,
  O_NONBLOCK,
  SEEK_END,
} from "../kernel/abi/open.ts";
import { lockFile } from "../kernel/io/file-lock.ts";
import { FileDescriptor } from "../kernel/sys/fd.ts";
import { cString, syscall } from "../kernel/sys/syscall.ts";
import { reasonOf, unmet } from "./failures.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
const SECTOR_BYTES = 512;
const OWNER_ONLY = 0o600;

interface OpenFile {
  readonly fd: FileDescriptor;
  readonly stats: Stats;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) {
    return "a directory, and no file";
  }
  return stats.isFIFO() ? "a FIFO, and no file" : "neither a file nor a block device";
}

/** @param what `kernel`, `disk` @throws {AuraeError} */
function openHostFile(what: string, path: string, flags: number): OpenFile {
  let fd: FileDescriptor;
  try {
    // To open a device may do something already, such as start a watchdog.
    const seen = statSync(path);
    if (!seen.isFile() && !seen.isBlockDevice()) {
      throw unmet(`${what} '${path}' is ${kindOf(seen)}`, path);
    }
    // O_NONBLOCK: a FIFO in a file's place must not hold the daemon.
    fd = new FileDescriptor(openSync(path, flags | O_CLOEXEC | O_NONBLOCK));
  } catch (error) {
    throw error instanceof AuraeError
      ? error
      : unmet(`${what} '${path}' can't be opened: ${reasonOf(error)}`, path, error);
  }
  return { fd, stats: fstatSync(fd.number) };
}

/** A file that is read from the start to the end: a kernel, an archive, a snapshot. @throws {AuraeError} */
export function openImage(what: string, path: string): FileDescriptor {
  const { fd, stats } = openHostFile(what, path, O_RDONLY);
  if (!stats.isFile() || stats.size === 0) {
    fd[Symbol.dispose]();
    throw unmet(`${what} '${path}' is ${stats.isFile() ? "empty" : "no file"}`, path);
  }
  return fd;
}

/** An archive that is in no file. @throws {SyscallError} */
export function memoryImage(name: string, bytes: Uint8Array): FileDescriptor {
  using stack = new DisposableStack();
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = stack.use(
    new FileDescriptor(syscall("memfd_create", JSON.stringify(name), cString(name), flags)),
  );
  for (let at = 0; at < bytes.length;) {
    at += writeSync(fd.number, bytes, at);
  }
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  syscall("fcntl", `seals of ${name}`, fd.number, F_ADD_SEALS, seals);
  stack.move();
  return fd;
}

export interface OpenDisk {
  readonly fd: FileDescriptor;
  /** 0 for a block device, which no limit of file sizes is about. */
  readonly fileBytes: number;
}

/**
 * A raw image or a block device, locked for as long as anybody has the descriptor: by one who writes, or by any number of
 * those who only read.
 * @throws {AuraeError} also for one that another machine has
 */
export function openDisk(path: string, isReadOnly: boolean): OpenDisk {
  // Of a block device, O_EXCL keeps those off that would mount it, and is refused where somebody has. Of a file, Linux
  // passes it over.
  const { fd, stats } = openHostFile("disk", path, isReadOnly ? O_RDONLY : O_RDWR | O_EXCL);
  using stack = new DisposableStack();
  stack.use(fd);
  if (!stats.isFile() && !stats.isBlockDevice()) {
    throw unmet(`disk '${path}' is neither a file nor a block device`, path);
  }
  const size = syscall("lseek", JSON.stringify(path), fd.number, 0, SEEK_END);
  if (size < SECTOR_BYTES) {
    throw unmet(`disk '${path}' has ${size} bytes, less than a sector of ${SECTOR_BYTES}`, path);
  }
  if (!lockFile(fd, isReadOnly ? "shared" : "exclusive")) {
    const remedy = isReadOnly
      ? "another virtual machine or program writes to it"
      : "another virtual machine or program has it; give each its own, or have all of them only read it";
    throw unmet(`disk '${path}' is in use: ${remedy}`, path);
  }
  stack.move();
  return { fd, fileBytes: stats.isFile() ? size : 0 };
}

/** A file that is to be: nothing may be there yet. @throws {AuraeError} */
export function createImage(what: string, path: string): FileDescriptor {
  try {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    return new FileDescriptor(openSync(path, flags, OWNER_ONLY));
  } catch (error) {
    throw unmet(`${what} '${path}' can't be made: ${reasonOf(error)}`, path, error);
  }
}
