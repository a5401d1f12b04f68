import { describe, expect, test } from "bun:test";
import { cgroup2MountPoints, findCgroup2 } from "./mount-point.ts";

const HYBRID = `24 30 0:22 / /proc rw,relatime - proc proc rw
31 30 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw
42 31 0:39 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
`;
const line = (point: string): string => `41 31 0:38 / ${point} rw - cgroup2 none rw\n`;

describe("findCgroup2", () => {
  test("finds the unified hierarchy beside version 1", () => {
    expect(findCgroup2(HYBRID)).toBe("/sys/fs/cgroup/unified");
  });

  test("prefers /sys/fs/cgroup, else the first", () => {
    expect(findCgroup2(line("/mnt/other") + line("/sys/fs/cgroup"))).toBe("/sys/fs/cgroup");
    expect(findCgroup2(line("/mnt/a") + line("/mnt/b"))).toBe("/mnt/a");
  });

  test("says what is missing and what to do where there is none", () => {
    expect(() => findCgroup2("24 30 0:22 / /proc rw - proc proc rw\n")).toThrow(
      /no control groups version 2 here .*mount -t cgroup2/,
    );
  });

  test("undoes the escapes of mountinfo", () => {
    expect(cgroup2MountPoints(line("/mnt/a\\040b"))).toEqual(["/mnt/a b"]);
  });
});
