/**
 * Debian's stock cloud kernel for the test VM, taken out of its package into a cache folder; nothing is installed.
 * The name of the package changes with every kernel update, so it is resolved from the one that stays.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const META_PACKAGE = "linux-image-cloud-amd64";

export interface KernelPackage {
  /** The bootable image. */
  readonly image: string;
  /** Its `/lib/modules/VERSION`. */
  readonly modulesDir: string;
  /** As `uname -r` says it. */
  readonly version: string;
}

interface Result {
  readonly ok: boolean;
  readonly output: string;
  readonly errors: string;
}

function run(command: readonly string[], cwd = "/"): Result {
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd });
    return { ok: exitCode === 0, output: stdout.toString(), errors: stderr.toString() };
  } catch (error) {
    return { ok: false, output: "", errors: String(error) };
  }
}

function runOrThrow(what: string, command: readonly string[], cwd?: string): void {
  const { ok, errors } = run(command, cwd);
  if (!ok) {
    throw new Error(`${what}: "${command.join(" ")}" failed\n${errors}`);
  }
}

/** `NAME=VERSION` of the package that the meta package stands for now; nothing where apt does not know it. */
function resolvePackage(): { name: string; version: string } | undefined {
  const { output } = run(["apt-cache", "show", "--no-all-versions", META_PACKAGE]);
  const match = /^Depends:.*?(linux-image-[\w.+-]+)(?: \(= ([\w.+~:-]+)\))?/m.exec(output);
  const version = match?.[2] ?? /^Version: (\S+)$/m.exec(output)?.[1];
  const name = match?.[1];
  return name === undefined || version === undefined ? undefined : { name, version };
}

function updateLists(why: string): void {
  console.error(`${why}: running apt-get update`);
  runOrThrow("update the package lists", ["apt-get", "update"]);
}

function kernelIn(directory: string): KernelPackage | undefined {
  const modules = join(directory, "lib/modules");
  const version = existsSync(modules) ? readdirSync(modules)[0] : undefined;
  if (version === undefined) {
    return undefined;
  }
  const image = join(directory, `boot/vmlinuz-${version}`);
  return existsSync(image) ? { image, modulesDir: join(modules, version), version } : undefined;
}

/** Downloads and unpacks beside the place where it goes, then moves it there at once. */
function unpackInto(directory: string, cache: string, name: string, version: string): void {
  const work = mkdtempSync(join(cache, ".part-"));
  try {
    console.error(`downloading ${name} ${version} for the test VM (it is unpacked, not installed)`);
    const download = ["apt-get", "download", `${name}=${version}`];
    if (!run(download, work).ok) {
      updateLists(`${name} could not be downloaded`);
      runOrThrow(`download ${name}`, download, work);
    }
    const file = readdirSync(work).find((entry) => entry.endsWith(".deb"));
    if (file === undefined) {
      throw new Error(`download ${name}: apt-get left no package behind`);
    }
    const root = join(work, "root");
    runOrThrow(`unpack ${file}`, ["dpkg-deb", "-x", join(work, file), root]);
    if (kernelIn(root) === undefined) {
      throw new Error(`unpack ${file}: it has no kernel and modules where they are expected`);
    }
    try {
      renameSync(root, directory);
    } catch (cause) {
      // ENOTEMPTY, EEXIST: another run was faster, and what it left is whole.
      if (kernelIn(directory) === undefined) {
        throw cause;
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * The kernel, from the cache or from Debian's archive.
 * @throws {Error} where apt does not know the package or can't download it, and the cache has none
 */
export function ensureKernel(cacheDir: string): KernelPackage {
  const cache = join(resolve(cacheDir), "kernel");
  mkdirSync(cache, { recursive: true });
  let found = resolvePackage();
  if (found === undefined) {
    const kept = readdirSync(cache).filter((entry) => !entry.startsWith("."));
    const old = kept.map((entry) => kernelIn(join(cache, entry))).find((kernel) => kernel);
    if (old !== undefined) {
      return old;
    }
    updateLists(`apt does not know ${META_PACKAGE} yet`);
    found = resolvePackage();
  }
  if (found === undefined) {
    throw new Error(
      `find the kernel package: apt does not know "${META_PACKAGE}"; the test VM needs Debian's package sources`,
    );
  }
  const directory = join(cache, `${found.name}_${found.version}`);
  if (kernelIn(directory) === undefined) {
    unpackInto(directory, cache, found.name, found.version);
  }
  const kernel = kernelIn(directory);
  if (kernel === undefined) {
    throw new Error(`read the kernel in "${directory}": it is not whole; remove the folder`);
  }
  return kernel;
}
