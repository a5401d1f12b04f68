import { expect, test } from "bun:test";
import { moduleFilesIn } from "./module-steps.ts";

test("moduleFilesIn keeps the order, and leaves out blank lines, blanks around and comments", () => {
  const list = "# made by the build\nkernel/b.ko\n\n  kernel/a.ko\t\r\n#kernel/c.ko\n";
  expect(moduleFilesIn(list)).toEqual(["kernel/b.ko", "kernel/a.ko"]);
  expect(moduleFilesIn("")).toEqual([]);
});

test("moduleFilesIn leaves out what leads out of the modules' folder", () => {
  const list = "../other.ko\nkernel/../../other.ko\nkernel/../kept.ko\n..\n";
  expect(moduleFilesIn(list)).toEqual(["kernel/../kept.ko"]);
});

test("moduleFilesIn takes no more than its bound", () => {
  const list = Array.from({ length: 1000 }, (_, index) => `kernel/${index}.ko`).join("\n");
  expect(moduleFilesIn(list)).toHaveLength(512);
});
