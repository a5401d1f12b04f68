/**
 * Reads what a module imports: statically, by `import()`, and for types only, which Bun's own scanner leaves out. By
 * pattern, on sources in this project's format: a statement starts its line.
 */
import { dirname, join } from "node:path";
import type { SourceFile } from "./sources.ts";

const PATTERNS = [
  /^(?:import|export)\s[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^import\s*["']([^"']+)["']/gm,
  /\b(?:import|require)\(\s*["']([^"']+)["']/g,
];

/** What a module names in its imports, each once. */
export function specifiersOf(text: string): string[] {
  const found = PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name));
  return [...new Set(found.filter((name) => name !== undefined))];
}

export interface Import {
  readonly from: string;
  /** A path from the repository's root, or the name of a package or a built-in module. */
  readonly to: string;
}

/** The imports of modules; those of files are resolved to paths from the repository's root. */
export function importsOf(files: readonly SourceFile[]): Import[] {
  return files.flatMap(({ path, text }) =>
    specifiersOf(text).map((name) => ({
      from: path,
      to: name.startsWith(".") ? join(dirname(path), name) : name,
    })),
  );
}
