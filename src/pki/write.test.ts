import { afterEach, beforeEach, describe, expect, mock, test } from "bun:test";
import * as fs from "node:fs";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePrivateDirectory, type NewFile, writeFiles } from "./write.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "auraed-pki-write-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const key = (name: string, content = "new"): NewFile => ({
  path: join(dir, name),
  content,
  mode: 0o600,
});

describe("writeFiles", () => {
  test("gives the modes asked for under any umask and leaves no temporary file", () => {
    const before = process.umask(0o077);
    try {
      writeFiles([key("a.key"), { ...key("a.crt"), mode: 0o644 }], false);
    } finally {
      process.umask(before);
    }
    expect(statSync(join(dir, "a.key")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, "a.crt")).mode & 0o777).toBe(0o644);
    expect(readdirSync(dir).sort()).toEqual(["a.crt", "a.key"]);
  });

  test("creates a key with its final mode: at no time is it readable by others", () => {
    const modes: number[] = [];
    const real = { ...fs };
    const fchmodSync = (fd: number, mode: number) => {
      modes.push(real.fstatSync(fd).mode & 0o777);
      real.fchmodSync(fd, mode);
    };
    mock.module("node:fs", () => ({ ...real, fchmodSync }));
    try {
      writeFiles([key("a.key")], false);
    } finally {
      mock.module("node:fs", () => real);
    }
    expect(modes).toEqual([0o600]);
  });

  test("writes none of its files when one of them exists", () => {
    writeFileSync(join(dir, "b.key"), "old");
    expect(() => writeFiles([key("a.key"), key("b.key"), key("c.key")], false)).toThrow(
      `"${join(dir, "b.key")}" appeared while this ran`,
    );
    expect(readdirSync(dir)).toEqual(["b.key"]);
    expect(readFileSync(join(dir, "b.key"), "utf8")).toBe("old");
  });

  test("writes none of its files when one of them can't be written", () => {
    expect(() => writeFiles([key("a.key"), key("missing/b.key")], false)).toThrow(
      `can't write "${join(dir, "missing/b.key")}"`,
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  test.each([true, false])("does not write through a symbolic link (replacing: %p)", (replace) => {
    const victim = join(dir, "victim");
    writeFileSync(victim, "untouched");
    symlinkSync(victim, join(dir, "a.key"));
    const write = () => writeFiles([key("a.key")], replace);
    if (replace) {
      write();
      expect(lstatSync(join(dir, "a.key")).isSymbolicLink()).toBe(false);
    } else {
      expect(write).toThrow("appeared while this ran");
    }
    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });

  test("does not create the target of a dangling symbolic link", () => {
    symlinkSync(join(dir, "target"), join(dir, "a.key"));
    expect(() => writeFiles([key("a.key")], false)).toThrow("appeared while this ran");
    expect(existsSync(join(dir, "target"))).toBe(false);
  });
});

describe("ensurePrivateDirectory", () => {
  test("makes the directory 0700 and its parents readable", () => {
    ensurePrivateDirectory(join(dir, "etc/aurae/pki"));
    expect(statSync(join(dir, "etc/aurae/pki")).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, "etc/aurae")).mode & 0o700).toBe(0o700);
  });

  test("leaves the mode of a directory alone that others may read", () => {
    chmodSync(dir, 0o755);
    ensurePrivateDirectory(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o755);
  });

  test("refuses a directory that others can write to", () => {
    mkdirSync(join(dir, "open"));
    chmodSync(join(dir, "open"), 0o1777);
    expect(() => ensurePrivateDirectory(join(dir, "open"))).toThrow("chmod go-w");
  });

  test("refuses a file in the directory's place, and in its parent's", () => {
    writeFileSync(join(dir, "file"), "");
    expect(() => ensurePrivateDirectory(join(dir, "file"))).toThrow("is not a directory");
    expect(() => ensurePrivateDirectory(join(dir, "file/pki"))).toThrow("can't create");
  });
});
