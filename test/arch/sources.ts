/** The repository's source files, as the tests of its architecture read them. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { filesBelow } from "../../build/files.ts";
import { ROOT } from "../../build/paths.ts";

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

const GENERATED = ["src/gen/", "src/library/gen/"];

/** The files of a folder that match; generated code is left out. */
export function sourcesIn(folder: string, pattern = "**/*.ts"): SourceFile[] {
  return filesBelow(folder, pattern)
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, "utf8") }))
    .filter(({ path }) => !GENERATED.some((start) => path.startsWith(start)));
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}
