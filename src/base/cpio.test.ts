import { afterAll, describe, expect, test } from "bun:test";
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCpio } from "../../test/harness/read-cpio.ts";
import {
  cpioArchive,
  type CpioEntry,
  MAX_ENTRIES,
  MAX_FILE_BYTES,
  MAX_PATH_BYTES,
} from "./cpio.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-cpio-"));

afterAll(() => rmSync(folder, { recursive: true }));

const file = (path: string, text = "", mode = 0o644): CpioEntry => {
  return { kind: "file", path, mode, content: Buffer.from(text) };
};

const TREE: readonly CpioEntry[] = [
  { kind: "directory", path: "tmp", mode: 0o1777 },
  file("init", "#!/bin/sh\n", 0o755),
  file("etc/deep/er/file", "text"),
  file("etc/empty"),
  { kind: "symlink", path: "bin/sh", target: "busybox" },
  { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
];

describe("cpioArchive", () => {
  test("writes the bytes of the newc form", () => {
    const expected = [
      "070701" + "00000001" + "000081A4" + "00000000" + "00000000" + "00000001" + "00000000",
      "00000002" + "00000000" + "00000000" + "00000000" + "00000000" + "00000002" + "00000000",
      "a\0hi\0\0",
      "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000",
      "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "0000000B" + "00000000",
      "TRAILER!!!\0\0\0\0",
    ].join("");
    expect(Buffer.from(cpioArchive([file("a", "hi")])).toString("latin1")).toBe(expected);
  });

  test("writes kinds, modes, devices and bodies, with parents before what is in them", () => {
    const read = readCpio(cpioArchive(TREE));
    expect(read.map(({ path, mode, body }) => [path, mode.toString(8), body.toString()])).toEqual([
      ["bin", "40755", ""],
      ["bin/sh", "120777", "busybox"],
      ["dev", "40755", ""],
      ["dev/console", "20600", ""],
      ["etc", "40755", ""],
      ["etc/deep", "40755", ""],
      ["etc/deep/er", "40755", ""],
      ["etc/deep/er/file", "100644", "text"],
      ["etc/empty", "100644", ""],
      ["init", "100755", "#!/bin/sh\n"],
      ["tmp", "41777", ""],
    ]);
    expect(read.find(({ path }) => path === "dev/console")?.device).toEqual([5, 1]);
    expect(read.map(({ links }) => links)).toEqual([2, 1, 2, 1, 2, 2, 2, 1, 1, 1, 2]);
    expect(new Set(read.map(({ inode }) => inode)).size).toBe(read.length);
  });

  test("gives the same bytes for the same entries in any order", () => {
    const archive = cpioArchive(TREE);
    for (let first = 0; first < TREE.length; first++) {
      const turned = [...TREE.slice(first), ...TREE.slice(0, first)];
      expect(Buffer.compare(cpioArchive(turned), archive)).toBe(0);
      expect(Buffer.compare(cpioArchive(turned.toReversed()), archive)).toBe(0);
    }
    expect(Buffer.compare(cpioArchive(TREE.slice(1)), archive)).not.toBe(0);
  });

  test("aligns names and bodies of every length", () => {
    for (let length = 1; length <= 9; length++) {
      const entries = [file("n".repeat(length), "x".repeat(length - 1)), file("z", "end")];
      const read = readCpio(cpioArchive(entries));
      expect(read.map(({ path, body }) => [path.length, body.length])).toEqual([
        [length, length - 1],
        [1, 3],
      ]);
    }
  });

  test("counts the bytes of a name and a target, not their characters", () => {
    const link: CpioEntry = { kind: "symlink", path: "ü", target: "ä€" };
    const [read] = readCpio(cpioArchive([link]));
    expect(read).toMatchObject({ path: "ü", body: Buffer.from("ä€") });
  });

  test("writes an archive of nothing as its trailer", () => {
    expect(readCpio(cpioArchive([]))).toEqual([]);
  });

  test("keeps only the permission bits of a mode", () => {
    const [read] = readCpio(cpioArchive([file("a", "", 0o104755)]));
    expect(read?.mode).toBe(0o104755);
    const [odd] = readCpio(cpioArchive([file("a", "", 0o777644)]));
    expect(odd?.mode).toBe(0o107644);
  });

  test("keeps the mode of a directory that is an entry itself, wherever that stands", () => {
    const parent: CpioEntry = { kind: "directory", path: "root", mode: 0o700 };
    for (const entries of [
      [parent, file("root/a")],
      [file("root/a"), parent],
    ]) {
      expect(readCpio(cpioArchive(entries))[0]).toMatchObject({ path: "root", mode: 0o040700 });
    }
  });

  test.each(["", "/a", "a/", "a//b", ".", "./a", "a/.", "..", "../a", "a/../b", "a\0b"])(
    "refuses the path %j",
    (path) => {
      expect(() => cpioArchive([file(path)])).toThrow("not a clean relative path");
    },
  );

  test("takes names that only look like those it refuses", () => {
    const names = ["...", ".a", "a.", "..a", "a b", "TRAILER"];
    expect(readCpio(cpioArchive(names.map((name) => file(name))))).toHaveLength(names.length);
  });

  test("refuses a path twice, and a path below what is no directory", () => {
    expect(() => cpioArchive([file("a"), file("a")])).toThrow('put "a" in an archive: it is there');
    const link: CpioEntry = { kind: "symlink", path: "sbin", target: "bin" };
    expect(() => cpioArchive([link, file("sbin/x")])).toThrow('"sbin" is a symlink');
    expect(() => cpioArchive([file("a/b/c"), file("a/b")])).toThrow('"a/b" is a file');
  });

  test("refuses a path and a target that the kernel would refuse, by their bytes", () => {
    const longest = `${"ä/".repeat(1365)}`.slice(0, -1).padEnd(MAX_PATH_BYTES - 1365, "x");
    expect(Buffer.byteLength(longest)).toBe(MAX_PATH_BYTES);
    expect(() => cpioArchive([file(longest)])).not.toThrow();
    expect(() => cpioArchive([file(`${longest}x`)])).toThrow("a path of 4096 bytes");
    const link = (target: string) => cpioArchive([{ kind: "symlink", path: "l", target }]);
    expect(() => link("t".repeat(MAX_PATH_BYTES))).not.toThrow();
    for (const target of ["", "t".repeat(MAX_PATH_BYTES + 1), "a\0b"]) {
      expect(() => link(target)).toThrow('link "l" in an archive: bad target');
    }
  });

  test("refuses a file over its bound", () => {
    // Zeros that nobody touches take no memory.
    const content = new Uint8Array(MAX_FILE_BYTES + 1);
    expect(() => cpioArchive([{ kind: "file", path: "a", mode: 0, content }])).toThrow(
      'put "a" in an archive: over 1 GiB',
    );
  });

  test("refuses more entries than its bound, with the directories that it adds itself", () => {
    const entries = Array.from({ length: MAX_ENTRIES }, (_, index) => file(`d/${index}`));
    expect(() => cpioArchive(entries)).toThrow(`more than ${MAX_ENTRIES}`);
    expect(() => cpioArchive(entries.slice(1))).not.toThrow();
  });
});

const busybox = Bun.which("busybox") ?? "";
const missing = busybox === "" ? "not in PATH" : undefined;

if (missing !== undefined) {
  test.skip(`cpioArchive writes what cpio unpacks: needs busybox (${missing})`, () => undefined);
} else {
  test("cpioArchive writes what cpio unpacks", async () => {
    const entries = TREE.filter(({ kind }) => kind !== "character-device");
    const child = Bun.spawn([busybox, "cpio", "-i", "-d", "-m"], {
      cwd: folder,
      stdin: cpioArchive(entries),
      stdout: "ignore",
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toMatch(/^\d+ blocks\n$/);
    expect(await child.exited).toBe(0);
    expect(readFileSync(join(folder, "etc/deep/er/file"), "utf8")).toBe("text");
    expect(readlinkSync(join(folder, "bin/sh"))).toBe("busybox");
    expect(lstatSync(join(folder, "init")).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(folder, "tmp")).mode & 0o7777).toBe(0o1777);
  });
}
