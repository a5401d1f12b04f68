/** mount(2), umount2(2), and what is mounted where. Knows nothing of which mounts a machine needs. */
import { readFileSync } from "node:fs";
import { MNT_DETACH } from "../abi/mount.ts";
import { cString, syscall } from "../sys/syscall.ts";

export interface Mount {
  /** `tmpfs`, `proc`. */
  readonly type: string;
  readonly target: string;
  /** Shown in the list of mounts; the type when not given. */
  readonly source?: string;
  /** MS_* of abi/mount.ts, or-ed. */
  readonly flags: number;
  /** The file system's own options. */
  readonly data?: string;
}

/** @throws {SyscallError} EBUSY where the very same file system is mounted there already */
export function mount({ type, target, source, flags, data }: Mount): void {
  const words = [cString(source ?? type), cString(target), cString(type)] as const;
  const options = data === undefined ? null : cString(data);
  syscall("mount", `${type} on "${target}"`, ...words, flags, options);
}

/** Takes a mount out of the tree; the file system goes when its last user does. @throws {SyscallError} */
export function unmount(target: string): void {
  syscall("umount2", `"${target}"`, cString(target), MNT_DETACH);
}

/**
 * The mount points in a text of /proc/PID/mountinfo (proc(5)): blanks, tabs, newlines and backslashes in them stand there as
 * octal numbers.
 */
function mountPointsIn(mountinfo: string): Set<string> {
  const points = new Set<string>();
  for (const line of mountinfo.split("\n")) {
    const point = line.split(" ")[4];
    if (point !== undefined) {
      points.add(
        point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
      );
    }
  }
  return points;
}

/** Where something is mounted, in this process's view. */
export function mountPoints(): Set<string> {
  return mountPointsIn(readFileSync("/proc/self/mountinfo", "utf8"));
}
