import { expect, test } from "bun:test";
import { closeSync, existsSync, openSync } from "node:fs";
import { FFI_INIT } from "../../../build/paths.ts";
import { programFilesOf } from "./program-files.ts";

function filesOf(path: string) {
  const fd = openSync(path, "r");
  try {
    return programFilesOf(fd);
  } finally {
    closeSync(fd);
  }
}

test("programFilesOf finds the loader and the libraries of an executable", () => {
  const { loader, libraries } = filesOf(process.execPath);
  expect(loader).toStartWith("/lib");
  expect(libraries.map(({ name }) => name)).toContain("libc.so.6");
  expect(libraries.every(({ name, path }) => path.endsWith(`/${name}`) && existsSync(path))).toBe(
    true,
  );
});

test("programFilesOf finds nothing for a static one, and refuses what is none", () => {
  expect(filesOf(FFI_INIT)).toEqual({ loader: undefined, libraries: [] });
  expect(() => filesOf("/etc/passwd")).toThrow("not a 64-bit little-endian ELF file");
});
