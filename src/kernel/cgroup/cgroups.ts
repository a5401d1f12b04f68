/**
 * The door to the unified control group hierarchy. Paths are relative to its root, without a leading slash; the empty
 * path is the root. Implemented by the kernel (`cgroup-fs.ts`) and in memory (`../fake/fake-cgroups.ts`); one suite
 * of tests holds for both.
 */
import { isErrno } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import type { Controller, LimitWrite } from "./limits.ts";

export interface Cgroups {
  /** Where the root is mounted. */
  readonly root: string;

  /** The controllers that the root can hand to its children (cgroup.controllers). */
  controllers(): ReadonlySet<Controller>;

  exists(path: string): boolean;

  /** Makes one group; its parent has to be there. @throws {SyscallError} EEXIST, ENOENT, … */
  create(path: string): void;

  /**
   * Hands as many of these controllers to the children of a group as the kernel will, and answers with those that its
   * children have then.
   */
  delegate(path: string, controllers: Iterable<Controller>): ReadonlySet<Controller>;

  /** The same with the controllers that every group hands down, unless this one did so before, and none was refused. */
  delegateOnce(path: string, controllers: Iterable<Controller>): void;

  /** @throws {SyscallError} naming the file and the value */
  write(path: string, write: Pick<LimitWrite, "file" | "value">): void;

  /** @throws {SyscallError} */
  read(path: string, file: string): string;

  /** A descriptor of the group's directory, for clone3(2) with CLONE_INTO_CGROUP. */
  open(path: string): FileDescriptor;

  /** The ids of the processes that are directly in the group; none if it is gone. */
  processes(path: string): number[];

  /** Kills every process in the group and below (cgroup.kill, Linux 5.14). A group that is gone has none. */
  kill(path: string): void;

  /** Whether no process is left in the group and below, or it is gone. */
  isEmpty(path: string): boolean;

  /**
   * Resolves when no process is left in the group and below, or it is gone; rejects with the signal's reason when that
   * aborts first.
   */
  emptied(path: string, signal?: AbortSignal): Promise<void>;

  /**
   * Whether every process in the group and below stands still, because this group or one above it is frozen
   * (cgroup.freeze, Linux 5.2). @throws {SyscallError} ENOENT
   */
  isFrozen(path: string): boolean;

  /**
   * Resolves when `isFrozen` is as wanted; rejects when the group is gone, or with the signal's reason when that aborts
   * first.
   */
  frozen(path: string, wanted: boolean, signal?: AbortSignal): Promise<void>;

  /** The names of the groups directly below. */
  children(path: string): string[];

  /** The names of the group's own files. */
  files(path: string): string[];

  /**
   * The `MAJOR:MINOR` of a block device, given as that or as a path in /dev.
   * @throws {SyscallError} ENOTBLK for what is none, ENOENT, …
   */
  blockDevice(device: string): string;

  /** Removes one group without processes or children. @throws {SyscallError} EBUSY, ENOENT */
  remove(path: string): void;
}

/** Removes a group and all below it, deepest first. What is already gone is no error. @throws {SyscallError} EBUSY */
export function removeTree(cgroups: Cgroups, path: string): void {
  // In most cases there is nothing below.
  if (isRemoved(cgroups, path)) {
    return;
  }
  for (const child of cgroups.children(path)) {
    removeTree(cgroups, `${path}/${child}`);
  }
  cgroups.remove(path);
}

/** Removes a group unless something is in it; then nothing has changed. @returns whether it is gone */
export function isRemoved(cgroups: Cgroups, path: string): boolean {
  try {
    cgroups.remove(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) {
      return true;
    }
    if (isErrno(error, "EBUSY", "ENOTEMPTY")) {
      return false;
    }
    throw error;
  }
}

/** The same, unless a process is in it or below; then what is empty may be gone. @returns whether it is all gone */
export function isTreeRemoved(cgroups: Cgroups, path: string): boolean {
  try {
    removeTree(cgroups, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      return false;
    }
    throw error;
  }
}
