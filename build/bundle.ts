/**
 * `bundle`: makes the one executable and its links. `build` is everything that it is made of, in order.
 *
 * An ES module bundle with splitting, so that what is imported with `import()` is a chunk of its own, which neither
 * loads nor pulls in its `node:` modules before it is called for. The executable reads no `.env` and no
 * `bunfig.toml` of the folder that it is started in.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { BUILD_PACKAGES, ensurePackages } from "./debian.ts";
import { BuildError } from "./error.ts";
import { buildFfi } from "./ffi.ts";
import { filesBelow } from "./files.ts";
import { manCommand } from "./man/man.ts";
import {
  DIST,
  EXECUTABLE,
  FFI_CELL_INIT,
  FFI_LAUNCHER,
  FFI_LIBRARY,
  inRoot,
  TYPES,
  X509,
} from "./paths.ts";
import { digestOf, makeIfStale } from "./stamp.ts";
import { step } from "./step.ts";
import { buildX509 } from "./x509.ts";

/** The first one is what runs; a Worker's file has to be named here too, or the executable does not find it. */
const ENTRY_POINTS = [
  "src/main/main.ts",
  "src/vmm/machine/vcpu-worker.ts",
  "src/vmm/machine/devices-worker.ts",
  "src/vmm/machine/disks-worker.ts",
];
/** The other names of the executable, by which it knows what to be. */
const LINKS = ["aer", "auraescript"];
/**
 * How deep functions are compiled ahead: the executable has to stay under its limit, and most of what the build adds
 * to Bun is bytecode. On a daemon's start, all of it was worth 1 ms over one level, for 1.1 MiB; one level was worth
 * 6 ms over none, for 2.5 MiB.
 */
const BYTECODE_DEPTH = 1;
const MEBIBYTE = 1024 * 1024;
const LARGEST_BYTES = 112 * MEBIBYTE;

async function compile(): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  // In a folder of its own: the file's name is in the bytes, and nobody sees half an executable.
  const folder = mkdtempSync(join(DIST, ".bundle-"));
  try {
    const made = join(folder, basename(EXECUTABLE));
    const result = await Bun.build({
      entrypoints: ENTRY_POINTS.map((path) => inRoot(path)),
      root: inRoot(),
      target: "bun",
      format: "esm",
      splitting: true,
      minify: true,
      bytecode: true,
      bytecodeDepth: BYTECODE_DEPTH,
      sourcemap: "linked",
      compile: {
        outfile: made,
        autoloadDotenv: false,
        autoloadBunfig: false,
        // Without it, the packages that a script imports are not found.
        autoloadPackageJson: true,
      },
      throw: false,
    });
    if (!result.success) {
      throw new BuildError(result.logs.map((entry) => Bun.inspect(entry)).join("\n"));
    }
    renameSync(made, EXECUTABLE);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function link(name: string): void {
  const path = join(DIST, name);
  rmSync(path, { force: true });
  symlinkSync(basename(EXECUTABLE), path);
}

async function makeExecutable(): Promise<string> {
  const sources = filesBelow("src", "**/*").filter((path) => !path.endsWith(".test.ts"));
  const settings = ["package-lock.json", "tsconfig.json", "build/bundle.ts"].map((path) =>
    inRoot(path),
  );
  const digest = digestOf(
    [...sources, ...settings, FFI_LIBRARY, FFI_LAUNCHER, FFI_CELL_INIT, TYPES, X509],
    Bun.version,
    Bun.revision,
  );
  const made = await makeIfStale("auraed", [EXECUTABLE], digest, compile);
  for (const name of LINKS) {
    link(name);
  }
  const { size } = statSync(EXECUTABLE);
  const printed = `${(size / MEBIBYTE).toFixed(1)} of ${LARGEST_BYTES / MEBIBYTE} MiB`;
  if (size > LARGEST_BYTES) {
    throw new BuildError(`dist/auraed is larger than it may be: ${printed}`);
  }
  return `${made ? "ok" : "up to date"}, ${printed}`;
}

/** Makes the executable if anything that it is made of has changed. Needs the compiled C files. */
export async function buildBundle(): Promise<void> {
  // Loads the TypeScript compiler, which the other commands do not need.
  const { buildTypes } = await import("./types.ts");
  await buildTypes();
  await buildX509();
  await step("bundle auraed", makeExecutable);
}

export async function bundleCommand(_args: readonly string[]): Promise<void> {
  await buildBundle();
}

export async function buildCommand(_args: readonly string[]): Promise<void> {
  await ensurePackages(BUILD_PACKAGES);
  await buildFfi();
  await buildBundle();
  const { buildNpmPackage } = await import("./npm.ts");
  await buildNpmPackage();
  await manCommand();
}
