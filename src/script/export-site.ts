/**
 * Where a name is imported that its module does not export. The runtime tells the name and the module, and no place: the
 * import is looked for in the script, and in the modules that it is made of.
 */
import { dirname, isAbsolute } from "node:path";
import { importSites } from "./import-sites.ts";
import { leadsTo, resolved, sourceOf } from "./modules.ts";

/** How many modules are read for it. */
const MODULES_MAX = 256;

/** Of the runtime's words, which are many: the name, and the module as it was found, or for a re-export as it is written. */
const NAME = /(?:\bnamed|^Missing|^export) '(.+?)'/s;
const MODULE = /\b(?:module|found in) '(.+?)'/s;

/** `file:line:column`; none for other errors, or where it is not found. */
export function exportSite(error: unknown, script: string): string | undefined {
  if (!(error instanceof SyntaxError)) {
    return undefined;
  }
  const name = NAME.exec(error.message)?.[1];
  const module = MODULE.exec(error.message)?.[1];
  if (name === undefined || module === undefined) {
    return undefined;
  }
  // A Set goes on to what is added while it is gone through.
  const files = new Set([script]);
  for (const file of files) {
    const folder = dirname(file);
    for (const { specifier, names } of importSites(sourceOf(file) ?? "")) {
      const place = names.get(name);
      if (place !== undefined && leadsTo(specifier, folder, module)) {
        return `${file}:${place.line}:${place.column}`;
      }
      const next = resolved(specifier, folder);
      if (next !== undefined && isOwn(next) && files.size < MODULES_MAX) {
        files.add(next);
      }
    }
  }
  return undefined;
}

/** A module of the script's own, and of no package. */
function isOwn(path: string): boolean {
  return isAbsolute(path) && !path.includes("/node_modules/");
}
