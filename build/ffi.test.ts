import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elfFaults } from "./ffi.ts";
import { FFI_CELL_INIT, FFI_INIT, FFI_LIBRARY } from "./paths.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-ffi-"));

afterAll(() => rmSync(folder, { recursive: true }));

async function compiled(name: string, source: string, ...flags: readonly string[]) {
  const path = join(folder, name);
  writeFileSync(`${path}.c`, source);
  await run(["gcc", "-shared", "-fPIC", ...flags, "-o", path, `${path}.c`]);
  return path;
}

test("the library, init and cell-init stand on their own", async () => {
  expect(await elfFaults(FFI_LIBRARY)).toEqual([]);
  expect(await elfFaults(FFI_INIT)).toEqual([]);
  expect(await elfFaults(FFI_CELL_INIT)).toEqual([]);
});

test("elfFaults finds a C library that a shared object needs, and the symbols it takes from there", async () => {
  const path = await compiled("libc.so", '#include <stdio.h>\nvoid f(void) { puts(""); }\n');
  const faults = (await elfFaults(path)).join("\n");
  expect(faults).toContain("libc.so.6");
  expect(faults).toContain("puts");
});

test("elfFaults finds thread-local storage", async () => {
  const source = "__thread int counter; int f(void) { return ++counter; }\n";
  const path = await compiled("tls.so", source, "-nostdlib");
  expect((await elfFaults(path)).join("\n")).toContain("TLS");
});
