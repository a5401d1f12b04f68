/**
 * `npm`: makes `dist/npm/aurae`, the library as a package for Node and Bun. The same sources as in the executable; only what
 * Bun alone has is another module (`npm/toml.ts`), and packages stay dependencies.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BuildError } from "./error.ts";
import { filesBelow } from "./files.ts";
import { inRoot, NPM_PACKAGE } from "./paths.ts";
import { digestOf, makeIfStale } from "./stamp.ts";
import { step } from "./step.ts";
import { libraryDeclarations } from "./types.ts";

const DEPENDENCIES = ["@bufbuild/protobuf", "@connectrpc/connect", "smol-toml"] as const;

/** Promise.withResolvers (ECMA-262, 2024), which Node has from 22 on. */
const WITH_RESOLVERS = `function promiseWithResolvers() {
  let resolve, reject;
  const promise = new Promise((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}`;

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(): object {
  const ours = JSON.parse(readFileSync(inRoot("package.json"), "utf8")) as Manifest;
  const versions = { ...ours.devDependencies, ...ours.dependencies };
  return {
    name: "aurae",
    version: ours.version,
    description: "A client of auraed's API",
    license: ours.license,
    type: "module",
    engines: { node: ">=20", bun: ">=1.3" },
    exports: { ".": { types: "./types/library/index.d.ts", default: "./index.js" } },
    files: ["*.js", "types"],
    sideEffects: false,
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, versions[name]])),
  };
}

async function bundle(): Promise<void> {
  const result = await Bun.build({
    entrypoints: [inRoot("src/library/index.ts")],
    outdir: NPM_PACKAGE,
    target: "node",
    format: "esm",
    splitting: true,
    external: [...DEPENDENCIES],
    banner: WITH_RESOLVERS,
    define: { "Promise.withResolvers": "promiseWithResolvers" },
    plugins: [
      {
        name: "toml",
        setup(build) {
          build.onResolve({ filter: /\/toml\.ts$/ }, () => ({ path: inRoot("npm/toml.ts") }));
        },
      },
    ],
    throw: false,
  });
  if (!result.success) {
    throw new BuildError(result.logs.map((entry) => Bun.inspect(entry)).join("\n"));
  }
}

function writeBeside(): void {
  for (const [path, text] of libraryDeclarations(["library/index.ts"])) {
    const to = join(NPM_PACKAGE, "types", path);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
  }
  writeFileSync(join(NPM_PACKAGE, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
  copyFileSync(inRoot("npm/README.md"), join(NPM_PACKAGE, "README.md"));
  copyFileSync(inRoot("LICENSE"), join(NPM_PACKAGE, "LICENSE"));
}

/** Makes the package if anything that it is made of has changed. */
export async function buildNpmPackage(): Promise<void> {
  await step("npm package aurae", async () => {
    const inputs = [
      ...["src/library", "src/client", "src/gen", "src/base", "npm"].flatMap((folder) =>
        filesBelow(folder, "**/*"),
      ),
      ...["build/npm.ts", "build/types.ts", "package.json", "LICENSE"].map((path) => inRoot(path)),
    ];
    const outputs = [join(NPM_PACKAGE, "package.json")];
    const made = await makeIfStale("npm", outputs, digestOf(inputs, Bun.version), async () => {
      rmSync(NPM_PACKAGE, { recursive: true, force: true });
      await bundle();
      writeBeside();
    });
    return made ? "ok" : "up to date";
  });
}

export async function npmCommand(_args: readonly string[]): Promise<void> {
  await buildNpmPackage();
}
