import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureDirectory } from "./directories.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aurae-directories-"));
});

afterEach(() => rmSync(root, { recursive: true }));

describe("ensureDirectory", () => {
  const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

  test("makes the directory with its mode, and its parents for all", () => {
    const path = join(root, "var/lib/aurae");
    ensureDirectory(path, "--library-dir", 0o700);
    expect(["var", "var/lib", "var/lib/aurae"].map((it) => modeOf(join(root, it)))).toEqual([
      ...["755", "755", "700"],
    ]);
  });

  test("leaves the mode of one that is there", () => {
    chmodSync(root, 0o750);
    ensureDirectory(root, "--library-dir", 0o700);
    expect(modeOf(root)).toBe("750");
  });
});
