import { expect, test } from "bun:test";
import { knownFileSystems } from "./drive-steps.ts";

test("knownFileSystems reads the names of /proc/filesystems, those without a device as well", () => {
  const known = knownFileSystems("nodev\tsysfs\nnodev\ttmpfs\n\text4\n\tvfat\n");
  expect([...known].toSorted()).toEqual(["", "ext4", "sysfs", "tmpfs", "vfat"]);
});
