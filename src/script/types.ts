/**
 * The declarations that the executable carries: of the library, and of what a script finds beside it. Made by build/types.ts.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import archive from "../../dist/types/library.json.zst" with { type: "file" };

/** Left out where the real ones are installed. */
const HOST = "host.d.ts";

/** Where scripts find them, once they are written to a folder. */
export interface Types {
  /** What is part of every check, since nothing imports it. */
  readonly ambient: readonly string[];
  /** For `paths` of a tsconfig.json. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
  /** The folders of `@types`, and which of them is meant. */
  readonly installed: { readonly typeRoots: readonly string[]; readonly types: readonly string[] };
}

/**
 * Writes the declarations to a folder that is not there or empty, for scripts of another one.
 * @param named the folder as a tsconfig.json names it
 */
export function writeTypes(folder: string, scripts: string, named = folder): Types {
  const files = JSON.parse(Bun.zstdDecompressSync(readFileSync(archive)).toString()) as Readonly<
    Record<string, string>
  >;
  for (const [path, text] of Object.entries(files)) {
    const to = join(folder, path);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text, { flag: "wx", mode: 0o644 });
  }
  const root = installedRoot(scripts);
  const ambient = ["original.d.ts", "original-modules.d.ts", ...(root === undefined ? [HOST] : [])];
  return {
    ambient: ambient.map((path) => `${named}/${path}`),
    paths: {
      aurae: [`${named}/library/index.d.ts`],
      "aurae/library/*": [`${named}/library/*`],
      "@connectrpc/connect": [`${named}/connect.d.ts`],
    },
    installed:
      root === undefined ? { typeRoots: [], types: [] } : { typeRoots: [root], types: ["bun"] },
  };
}

/** The next node_modules/@types upwards that has Bun's types. */
function installedRoot(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const root = join(at, "node_modules/@types");
    if (existsSync(join(root, "bun"))) {
      return root;
    }
    if (dirname(at) === at) {
      return undefined;
    }
  }
}

/** What a script is checked by. The web's names are the runtime's, too. */
export const COMPILER_OPTIONS = {
  target: "ESNext",
  lib: ["ESNext", "DOM", "DOM.AsyncIterable"],
  module: "Preserve",
  moduleResolution: "bundler",
  moduleDetection: "force",
  allowImportingTsExtensions: true,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
} as const;
