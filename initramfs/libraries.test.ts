import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { FFI_INIT } from "../build/paths.ts";
import { run } from "../build/run.ts";
import { ElfError, readElf } from "../src/kernel/process/elf.ts";
import { LIBRARY_DIRECTORIES, librariesOf } from "./libraries.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-libraries-"));

afterAll(() => rmSync(folder, { recursive: true }));

async function compiled(name: string, ...flags: readonly string[]): Promise<string> {
  const path = join(folder, name);
  writeFileSync(`${path}.c`, "int main(void) { return 0; }\n");
  const linker = ["-Wl,--no-as-needed", `-L${folder}`, "-Wl,--entry=main"];
  await run(["gcc", ...linker, ...flags, "-o", path, `${path}.c`]);
  return path;
}

/** The names that the system's own loader takes, less the kernel's page of code. */
async function namesByLoader(path: string): Promise<string[]> {
  const text = await run(["ldd", path]);
  const names = [...text.matchAll(/^\s+(\S+) (?:=>|\()/gm)].map(([, name = ""]) => basename(name));
  return names.filter((name) => !name.startsWith("linux-vdso")).toSorted();
}

describe("librariesOf", () => {
  test.each(["/bin/true", process.execPath])(
    "finds the loader and every library of %s, each once, as the loader itself does",
    async (path) => {
      const found = librariesOf(readFileSync(path));
      const names = found.map((library) => basename(library.path)).toSorted();
      expect(names).toEqual(await namesByLoader(path));
      expect(names.length).toBeGreaterThan(1);
      for (const library of found) {
        expect(Buffer.compare(library.content, readFileSync(library.path))).toBe(0);
      }
    },
  );

  test("puts the loader where the executable looks for it, and libraries where the loader looks", () => {
    const executable = readFileSync("/bin/true");
    const [loader, ...libraries] = librariesOf(executable);
    expect(loader?.path).toBe(readElf(executable).interpreter);
    for (const { path } of libraries) {
      expect(LIBRARY_DIRECTORIES as readonly string[]).toContain(dirname(path));
    }
  });

  test("finds what only a library needs", async () => {
    // libresolv needs libc, and a program without one of its own gets it that way alone.
    const path = await compiled("indirect", "-nostdlib", "-l:libresolv.so.2");
    expect(readElf(readFileSync(path)).needed).toEqual(["libresolv.so.2"]);
    const names = librariesOf(readFileSync(path)).map((library) => basename(library.path));
    expect(names).toEqual(["ld-linux-x86-64.so.2", "libresolv.so.2", "libc.so.6"]);
  });

  test("finds nothing for a static executable", () => {
    expect(librariesOf(readFileSync(FFI_INIT))).toEqual([]);
  });

  test("names the library that is nowhere, and where it looked", async () => {
    await compiled("libaurae-missing.so", "-shared", "-fPIC", "-nostdlib");
    const path = await compiled("lost", "-l:libaurae-missing.so");
    const bytes = readFileSync(path);
    expect(() => librariesOf(bytes)).toThrow('find the library "libaurae-missing.so"');
    expect(() => librariesOf(bytes)).toThrow("/lib/x86_64-linux-gnu");
  });

  test("refuses what is no executable", () => {
    expect(() => librariesOf(Buffer.from("#!/bin/sh\n"))).toThrow(ElfError);
  });
});
