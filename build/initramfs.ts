/**
 * Makes dist/initramfs.cpio.zst: the machine that is the same everywhere (initramfs/manifest.ts), with the executable,
 * what it is linked against, our init and the kernel modules. The same input gives the same bytes.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cpioArchive, type CpioEntry } from "../src/base/cpio.ts";
import { librariesOf } from "../initramfs/libraries.ts";
import {
  APPLETS,
  BUSYBOX,
  DIRECTORIES,
  FILE_SYSTEMS,
  MODULES,
  SYMLINKS,
  TEXTS,
} from "../initramfs/manifest.ts";
import { buildBundle } from "./bundle.ts";
import { BUILD_PACKAGES, ensurePackages } from "./debian.ts";
import { BuildError } from "./error.ts";
import { buildFfi } from "./ffi.ts";
import { resolveModules } from "./modules.ts";
import { DIST, EXECUTABLE, FFI_INIT, FFI_RELAY } from "./paths.ts";
import { checkSite, siteArchive } from "./site.ts";

/**
 * Levels above it take many times as long and save under 2 %: for 104 MiB, 2 s at 9, 5 s at 12 and 22 s at 15 gave
 * 42.8, 42.3 and 42.1 MiB.
 */
const ZSTD_LEVEL = 9;

export interface InitramfsOptions {
  /** The executable; dist/auraed when not given. */
  readonly executable?: string;
  /** A kernel's `/lib/modules/VERSION`; without it the image carries no modules. */
  readonly kernelModules?: string;
  /** dist/initramfs.cpio.zst when not given. */
  readonly out?: string;
}

export interface Initramfs {
  readonly path: string;
  /** As it lies on the disk. */
  readonly bytes: number;
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function readInput(path: string, remedy: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BuildError(`read "${path}" for the initramfs: ${remedy}`, { cause });
  }
}

const program = (path: string, content: Uint8Array): CpioEntry => ({
  kind: "file",
  path,
  mode: 0o755,
  content,
});

const textFile = (path: string, text: string): CpioEntry => ({
  kind: "file",
  path,
  mode: 0o644,
  content: Buffer.from(text),
});

/**
 * The modules as files, and lists of what to load, one path a line, in order: at the boot, and for each file system, when
 * it is needed.
 */
function moduleEntries(directory: string): CpioEntry[] {
  const home = `lib/modules/${basename(resolve(directory))}`;
  const files = new Map<string, CpioEntry>();
  const listOf = (wanted: readonly string[], name: string): CpioEntry => {
    const modules = resolveModules(directory, wanted);
    for (const { path, content } of modules) {
      files.set(path, { kind: "file", path: `${home}/${path}`, mode: 0o644, content });
    }
    return textFile(`${home}/${name}`, modules.map(({ path }) => `${path}\n`).join(""));
  };
  const lists = [
    listOf(MODULES, "modules.load"),
    ...Object.entries(FILE_SYSTEMS).map(([type, wanted]) => {
      return listOf(wanted, `filesystems/${type}.load`);
    }),
  ];
  return [...lists, ...files.values()];
}

function entriesOf(options: InitramfsOptions): CpioEntry[] {
  const auraed = readInput(options.executable ?? EXECUTABLE, "run bun build.ts build");
  const busybox = readInput(BUSYBOX.source, "install the package busybox-static");
  return [
    program("init", readInput(FFI_INIT, "run bun build.ts ffi")),
    program("bin/auraed", auraed),
    program("bin/aurae-relay", readInput(FFI_RELAY, "run bun build.ts ffi")),
    program(BUSYBOX.path, busybox),
    ...librariesOf(auraed).map(({ path, content }) => program(path.slice(1), content)),
    ...APPLETS.map((name): CpioEntry => {
      return { kind: "symlink", path: `bin/${name}`, target: basename(BUSYBOX.path) };
    }),
    ...Object.entries(DIRECTORIES).map(([path, mode]): CpioEntry => {
      return { kind: "directory", path, mode };
    }),
    ...Object.entries(SYMLINKS).map(([path, target]): CpioEntry => {
      return { kind: "symlink", path, target };
    }),
    ...Object.entries(TEXTS).map(([path, text]) => textFile(path, text)),
    // The kernel opens the console for us before /dev is mounted, and complains where there is none.
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "character-device", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
    ...(options.kernelModules === undefined ? [] : moduleEntries(options.kernelModules)),
  ];
}

/** Writes a file whole or not at all. */
function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, bytes);
  renameSync(part, path);
}

/**
 * Makes the image if what it is made of has changed.
 * @throws {BuildError} naming the input that is missing and what to do
 */
export function buildInitramfs(options: InitramfsOptions = {}): Initramfs {
  const path = options.out ?? join(DIST, "initramfs.cpio.zst");
  const archive = cpioArchive(entriesOf(options));
  const digest = `${new Bun.CryptoHasher("sha256").update(archive).digest("hex")} ${ZSTD_LEVEL}`;
  const stamp = `${path}.from`;
  if (readIfThere(stamp) !== digest || !existsSync(path)) {
    writeWhole(path, Bun.zstdCompressSync(archive, { level: ZSTD_LEVEL }));
    writeWhole(stamp, Buffer.from(digest));
  }
  return { path, bytes: statSync(path).size };
}

/**
 * Writes the archive of one machine.
 * @returns its path
 * @throws {BuildError} for a folder that can't be one
 */
export function buildSite(directory: string, out: string = join(DIST, "site.cpio")): string {
  checkSite(directory);
  writeWhole(out, siteArchive(directory));
  return out;
}

/**
 * Joins archives into one, as the kernel takes them. Each starts at a multiple of 4: the kernel sees an uncompressed
 * archive only there.
 */
export function joinArchives(archives: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    archives.flatMap((bytes) => [bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]),
  );
}

/** `bun build.ts initramfs [--kernel-modules DIR] [--site DIR] [--out FILE]` */
export async function initramfsCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "kernel-modules": { type: "string" },
      site: { type: "string" },
      out: { type: "string" },
    },
  });
  // Before the long work, which would be in vain.
  if (values.site !== undefined) {
    checkSite(values.site);
  }
  if (values["kernel-modules"] !== undefined) {
    resolveModules(values["kernel-modules"], MODULES);
  }
  await ensurePackages([...BUILD_PACKAGES, "busybox-static"]);
  await buildFfi();
  await buildBundle();
  const { path, bytes } = buildInitramfs({
    ...(values["kernel-modules"] === undefined ? {} : { kernelModules: values["kernel-modules"] }),
    ...(values.out === undefined ? {} : { out: values.out }),
  });
  console.log(`${path}: ${(bytes / 1048576).toFixed(1)} MiB`);
  if (values.site !== undefined) {
    console.log(buildSite(values.site));
  }
}
