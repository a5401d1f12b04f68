import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { Mapping } from "../sys/mapping.ts";
import { HUGE_PAGE_BYTES, preferHugePages } from "./huge-pages.ts";

/** What the kernel has noted of the mapping that starts there (proc_pid_smaps(5), VmFlags). */
function flagsOf(address: number): readonly string[] {
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const mapping = mappings.find((it) => it.startsWith(`${address.toString(16)}-`));
  return /^VmFlags: (.*)$/m.exec(mapping ?? "")?.[1]?.split(" ") ?? [];
}

const hasThem = existsSync("/sys/kernel/mm/transparent_hugepage/enabled");

test.skipIf(!hasThem)("the kernel knows which memory is to have huge pages", () => {
  using mapping = new Mapping(2 * HUGE_PAGE_BYTES, "a test", undefined, HUGE_PAGE_BYTES);
  expect(flagsOf(mapping.address)).not.toContain("hg");
  preferHugePages(mapping.address, 2 * HUGE_PAGE_BYTES);
  expect(flagsOf(mapping.address)).toContain("hg");
});

test("memory that can't have them is as it was", () => {
  using mapping = new Mapping(4096, "a test");
  expect(() => preferHugePages(mapping.address + 1, 4096)).not.toThrow();
  expect(mapping.bytes[0]).toBe(0);
});
