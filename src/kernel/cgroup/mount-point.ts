/** Finds where the unified control group hierarchy is mounted. */
import { readFileSync } from "node:fs";
import { UnsupportedError } from "../sys/unsupported.ts";

/** Undoes the octal escapes of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The mount points of cgroup2 in a mountinfo text, in the order they were mounted. */
export function cgroup2MountPoints(mountinfo: string): string[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const mountPoint = before.split(" ")[4];
    return after.startsWith("cgroup2 ") && mountPoint !== undefined ? [unescaped(mountPoint)] : [];
  });
}

/**
 * The mount point to use: /sys/fs/cgroup where that is unified, else the first, as beside version 1 (hybrid mode).
 * @throws {UnsupportedError} where there is none
 */
export function findCgroup2(mountinfo = readFileSync("/proc/self/mountinfo", "utf8")): string {
  const points = cgroup2MountPoints(mountinfo);
  const point = points.find((candidate) => candidate === "/sys/fs/cgroup") ?? points[0];
  if (point === undefined) {
    throw new UnsupportedError(
      "control groups version 2",
      "4.5",
      "mount them: `mount -t cgroup2 none /sys/fs/cgroup`, or boot with `systemd.unified_cgroup_hierarchy=1`",
    );
  }
  return point;
}
