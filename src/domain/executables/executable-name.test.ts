import { describe, expect, test } from "bun:test";
import { directoryName, executableName } from "./executable-name.ts";

describe("executableName", () => {
  test.each(["sleeper", "sleep 4000", "ü", "...", "cgroup.procs", "x".repeat(128)])(
    "takes %p",
    (text) => {
      expect(executableName(text) as string).toBe(text);
    },
  );

  test.each(["", ".", "..", "a/b", "/", "a\0", "a\n", "\x7f", "ü".repeat(65), "\ud800"])(
    "refuses %p",
    (text) => {
      expect(() => executableName(text)).toThrow("executable name");
    },
  );
});

describe("directoryName", () => {
  test("is never a file of the kernel", () => {
    expect(directoryName(executableName("cgroup.procs"))).toBe("exe.cgroup.procs");
  });
});
