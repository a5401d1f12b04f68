import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRNO } from "../abi/errno.ts";
import { readKernelFile, tryReadKernelFile } from "./kernel-file.ts";

describe("readKernelFile", () => {
  test("has what node:fs has", () => {
    expect(readKernelFile("/proc/self/cgroup")).toBe(readFileSync("/proc/self/cgroup", "utf8"));
    expect(readKernelFile("/proc/filesystems")).toBe(readFileSync("/proc/filesystems", "utf8"));
  });

  test("has all of a long one, and of a short one no more after it", () => {
    const folder = mkdtempSync(join(tmpdir(), "aurae-kernel-file-"));
    const [long, short, empty] = ["long", "short", "empty"].map((name) => join(folder, name));
    const text = "0123456789ä".repeat(100_000);
    writeFileSync(long ?? "", text);
    writeFileSync(short ?? "", "x\n");
    writeFileSync(empty ?? "", "");
    expect(readKernelFile(long ?? "")).toBe(text);
    expect(readKernelFile(short ?? "")).toBe("x\n");
    expect(readKernelFile(empty ?? "")).toBe("");
    rmSync(folder, { recursive: true });
  });

  test("says why it can't be read", () => {
    expect(tryReadKernelFile("/proc/nothing")).toBe(-ERRNO.ENOENT);
    expect(tryReadKernelFile("/proc")).toBe(-ERRNO.EISDIR);
    expect(() => readKernelFile("/proc/nothing")).toThrow('read "/proc/nothing": ENOENT');
  });
});
