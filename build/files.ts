/** Lists files of the repository. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inRoot } from "./paths.ts";

/** The files below a folder that a pattern matches, sorted, with whole paths; none where there is no folder. */
export function filesBelow(folder: string, pattern: string): string[] {
  const base = inRoot(folder);
  if (!existsSync(base)) {
    return [];
  }
  const found = new Bun.Glob(pattern).scanSync({ cwd: base, onlyFiles: true, dot: true });
  return [...found].map((name) => join(base, name)).toSorted();
}
