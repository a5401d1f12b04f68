/**
 * `types`: the declarations that editors and `auraescript check` read, of the library and of what a script finds beside it.
 * One file, which goes into the executable.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { BuildError } from "./error.ts";
import { filesBelow } from "./files.ts";
import { inRoot, ROOT, TYPES } from "./paths.ts";
import { digestOf, makeIfStale } from "./stamp.ts";
import { step } from "./step.ts";

/** What scripts import, each a file of `src`. */
const ENTRIES = ["library/index.ts", "library/original/runtime.ts", "library/original/vms.ts"];

/** Written by hand; not for `src`, since they declare what a script has and our own code does not. */
const BESIDE = "types";

function sources(): string[] {
  return filesBelow("src/library", "**/*.ts").filter((path) => !path.endsWith(".test.ts"));
}

/**
 * The declarations of files of `src` and of all that these name, by their paths there.
 * @throws {BuildError} where a type can't be written down, or names what is not to be published
 */
export function libraryDeclarations(entries: readonly string[]): Map<string, string> {
  const src = inRoot("src");
  const program = ts.createProgram(sources(), {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    declaration: true,
    emitDeclarationOnly: true,
    skipLibCheck: true,
    rootDir: src,
    outDir: src,
    // Everything public has its type written out, so no package has to be looked up, which takes many seconds.
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
    noResolve: true,
    types: [],
  });
  const found = new Map<string, string>();
  const wanted = entries.map((path) => join(src, path));
  for (const path of wanted) {
    const name = relative(src, path).replace(/\.ts$/, ".d.ts");
    if (!found.has(name)) {
      const text = declarationsOf(program, path);
      found.set(name, published(text));
      wanted.push(...namedBy(text).map((other) => join(dirname(path), other)));
    }
  }
  return found;
}

/** Of one file alone: nothing else is looked at. */
function declarationsOf(program: ts.Program, path: string): string {
  let text = "";
  const source = program.getSourceFile(path);
  if (source === undefined) {
    throw new BuildError(`the library's types name ${path}, which is not for scripts`);
  }
  const { diagnostics } = program.emit(source, (_, written) => {
    text = written;
  });
  if (diagnostics.length > 0 || text === "") {
    const host = {
      getCanonicalFileName: (name: string) => name,
      getCurrentDirectory: () => ROOT,
      getNewLine: () => "\n",
    };
    throw new BuildError(`no declarations of ${path}\n${ts.formatDiagnostics(diagnostics, host)}`);
  }
  return text;
}

/** The files that a text imports or exports from. */
function namedBy(text: string): string[] {
  return [...text.matchAll(/(?:from|import\() ?"(\.[^"]*)"/g)].map(([, name = ""]) => name);
}

/** With the endings that every resolution knows, and without what the runtime's own types put there. */
function published(text: string): string {
  return text
    .replace(/^\/\/\/ <reference types=.*\n/gm, "")
    .replace(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"');
}

async function makeTypes(): Promise<void> {
  const beside = filesBelow(BESIDE, "*.d.ts").map(
    (path) => [relative(inRoot(BESIDE), path), readFileSync(path, "utf8")] as const,
  );
  const files = [...libraryDeclarations(ENTRIES), ...beside].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  mkdirSync(dirname(TYPES), { recursive: true });
  writeFileSync(
    TYPES,
    Bun.zstdCompressSync(JSON.stringify(Object.fromEntries(files)), { level: 19 }),
  );
}

/** Makes the declarations if anything that they are made of has changed. */
export async function buildTypes(): Promise<void> {
  await step("types of the library", async () => {
    const inputs = [
      ...sources(),
      ...filesBelow(BESIDE, "*.d.ts"),
      ...["build/types.ts", "package-lock.json"].map((path) => inRoot(path)),
    ];
    const made = await makeIfStale("types", [TYPES], digestOf(inputs, Bun.version), makeTypes);
    return made ? "ok" : "up to date";
  });
}
