/** Finds the dynamic loader and every library that an executable needs, on the machine that builds the image. */
import { existsSync, readFileSync } from "node:fs";
import { readElf } from "../src/kernel/process/elf.ts";

export interface Library {
  /** Where the loader looks for it in the image; absolute. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** Where glibc's loader looks when it has no cache, Debian's multiarch folders first. */
export const LIBRARY_DIRECTORIES = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
] as const;

/**
 * The loader and libraries of an executable, each once; empty for a static one.
 * @throws {Error} naming the library that is nowhere
 */
export function librariesOf(executable: Uint8Array): Library[] {
  const found = new Map<string, Library>();
  const { interpreter, needed } = readElf(executable);
  if (interpreter !== undefined) {
    found.set(baseName(interpreter), {
      path: interpreter,
      content: readFileSync(interpreter),
    });
  }
  const waiting = [...needed];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (found.has(name)) {
      continue;
    }
    const directory = LIBRARY_DIRECTORIES.find((at) => existsSync(`${at}/${name}`));
    if (directory === undefined) {
      throw new Error(
        `find the library "${name}": it is in none of ${LIBRARY_DIRECTORIES.join(" ")}`,
      );
    }
    const path = `${directory}/${name}`;
    const content = readFileSync(path);
    found.set(name, { path, content });
    waiting.push(...readElf(content).needed);
  }
  return [...found.values()];
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
