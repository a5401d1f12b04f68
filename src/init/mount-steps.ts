/** The file systems and links that a machine has, as a table. What is mounted or linked there already stays as it is. */
import { mkdirSync, symlinkSync } from "node:fs";
import { MS_NOATIME, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RELATIME } from "../kernel/abi/mount.ts";
import { type Mount, mount, mountPoints, unmount } from "../kernel/mount/mount.ts";
import { isErrno } from "../kernel/sys/error.ts";
import type { BootStep } from "./steps.ts";

const SAFE = MS_NODEV | MS_NOEXEC | MS_NOSUID;

interface MountRow extends Mount {
  readonly onFailure: "fatal" | "warn";
  /** Kept to the very end: the daemon itself does not work without it. */
  readonly keep?: true;
  /** Mounted without options where the kernel does not know them. */
  readonly dataIsOptional?: true;
}

const MOUNTS: readonly MountRow[] = [
  { target: "/proc", type: "proc", flags: SAFE, onFailure: "fatal", keep: true },
  { target: "/sys", type: "sysfs", flags: SAFE, onFailure: "fatal", keep: true },
  {
    target: "/dev",
    type: "devtmpfs",
    flags: MS_NOSUID,
    data: "mode=0755",
    onFailure: "warn",
    keep: true,
  },
  {
    target: "/dev/pts",
    type: "devpts",
    flags: MS_NOEXEC | MS_NOSUID | MS_NOATIME,
    data: "mode=0620,gid=5,ptmxmode=666",
    dataIsOptional: true,
    onFailure: "warn",
  },
  {
    target: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    flags: MS_NODEV | MS_NOSUID,
    data: "mode=1777",
    onFailure: "warn",
  },
  {
    target: "/run",
    type: "tmpfs",
    source: "run",
    flags: MS_NODEV | MS_NOSUID,
    data: "mode=0755",
    onFailure: "fatal",
    keep: true,
  },
  {
    target: "/tmp",
    type: "tmpfs",
    source: "tmp",
    flags: MS_NODEV | MS_NOSUID,
    data: "mode=1777",
    onFailure: "warn",
  },
  // The daemon says by itself, and better, what it misses without control groups.
  {
    target: "/sys/fs/cgroup",
    type: "cgroup2",
    flags: SAFE | MS_RELATIME,
    onFailure: "warn",
    keep: true,
  },
  { target: "/sys/kernel/debug", type: "debugfs", flags: SAFE, onFailure: "warn" },
];

const LINKS: Readonly<Record<string, string>> = {
  "/dev/fd": "/proc/self/fd",
  "/dev/stdin": "/proc/self/fd/0",
  "/dev/stdout": "/proc/self/fd/1",
  "/dev/stderr": "/proc/self/fd/2",
};

function mountRow(row: MountRow): void {
  const { data, ...bare } = row;
  try {
    mount(row);
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      return; // the same file system is there already
    }
    if (row.dataIsOptional !== true || !isErrno(error, "EINVAL", "EPERM")) {
      throw error;
    }
    mount(bare);
  }
}

function mountStep(row: MountRow): BootStep<unknown> {
  return {
    name: `mount ${row.target}`,
    onFailure: row.onFailure,
    run: () => {
      if (mountPoints().has(row.target)) {
        return undefined;
      }
      mkdirSync(row.target, { recursive: true });
      mountRow(row);
      return row.keep === true ? undefined : () => unmount(row.target);
    },
  };
}

function linkStep(path: string, target: string): BootStep<unknown> {
  return {
    name: `link ${path}`,
    onFailure: "warn",
    run: () => {
      try {
        symlinkSync(target, path);
      } catch (error) {
        if (!isErrno(error, "EEXIST")) {
          throw error;
        }
      }
      return undefined;
    },
  };
}

export const MOUNT_STEPS: readonly BootStep<unknown>[] = [
  ...MOUNTS.map(mountStep),
  ...Object.entries(LINKS).map(([path, target]) => linkStep(path, target)),
];
