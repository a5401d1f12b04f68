/**
 * Chooses kernel modules for an image: the wanted ones and all they depend on, in an order in which they load. A
 * module's own .modinfo section says what it depends on, so no depmod run is needed: a package that was unpacked and
 * not installed has no modules.dep.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readElf } from "../src/kernel/process/elf.ts";
import {
  canonicalModuleName,
  MODULE_SUFFIX,
  moduleName,
} from "../src/kernel/module/module-name.ts";
import { BuildError } from "./error.ts";

export interface KernelModule {
  /** With underscores, as the kernel writes it. */
  readonly name: string;
  /** Relative to the modules directory: `kernel/drivers/net/virtio_net.ko`. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** Reads what has to be there by this name in a modules directory. */
function readPart<T>(directory: string, name: string, read: (path: string) => T): T {
  try {
    return read(join(directory, name));
  } catch (cause) {
    throw new BuildError(
      `read the kernel modules in "${directory}": it has no "${name}"; give /lib/modules/VERSION of the kernel that the image is booted with`,
      { cause },
    );
  }
}

/** The files of a modules directory (`/lib/modules/VERSION`), by module name. */
function filesOf(directory: string): Map<string, string> {
  const files = new Map<string, string>();
  const entries = readPart(directory, "kernel", (path) =>
    readdirSync(path, { recursive: true, withFileTypes: true }),
  );
  for (const entry of entries) {
    if (entry.isFile() && MODULE_SUFFIX.test(entry.name)) {
      files.set(moduleName(entry.name), relative(directory, join(entry.parentPath, entry.name)));
    }
  }
  return files;
}

function builtinsOf(directory: string): Set<string> {
  const text = readPart(directory, "modules.builtin", (path) => readFileSync(path, "utf8"));
  const lines = text.split("\n");
  return new Set(lines.filter((line) => line !== "").map(moduleName));
}

export interface Dependencies {
  /** What it cannot be loaded without. */
  readonly hard: readonly string[];
  /** What is loaded first where the kernel has it ("softdep: pre"). */
  readonly soft: readonly string[];
}

/** What a module's .modinfo section says that it depends on. */
export function dependenciesOf(module: Uint8Array): Dependencies {
  const info = readElf(module).section(".modinfo") ?? new Uint8Array(0);
  const hard: string[] = [];
  const soft: string[] = [];
  for (const entry of Buffer.from(info).toString("latin1").split("\0")) {
    if (entry.startsWith("depends=")) {
      hard.push(...entry.slice("depends=".length).split(","));
    } else if (entry.startsWith("softdep=")) {
      const pre = /(?:^|\s)pre:\s*(.*?)(?:\s+post:|$)/.exec(entry.slice("softdep=".length));
      soft.push(...(pre?.[1] ?? "").split(/\s+/));
    }
  }
  const clean = (names: string[]) => names.filter((name) => name !== "").map(canonicalModuleName);
  return { hard: clean(hard), soft: clean(soft) };
}

/**
 * The wanted modules and what they depend on, each after everything it depends on.
 * @throws {BuildError} naming a wanted module that the kernel has neither as a file nor built in
 */
export function resolveModules(directory: string, wanted: readonly string[]): KernelModule[] {
  const files = filesOf(directory);
  const builtins = builtinsOf(directory);
  const done = new Map<string, KernelModule>();
  const under = new Set<string>();

  const add = (name: string, neededBy: string): void => {
    if (done.has(name) || builtins.has(name)) {
      return;
    }
    const path = files.get(name);
    if (path === undefined) {
      throw new BuildError(
        `find the module "${name}" (${neededBy}) in "${directory}": it is not there`,
      );
    }
    if (!path.endsWith(".ko")) {
      throw new BuildError(`read the module "${path}": compressed modules are not supported`);
    }
    if (under.has(name)) {
      throw new BuildError(`order the module "${name}": it depends on itself`);
    }
    under.add(name);
    const content = readFileSync(join(directory, path));
    const { hard, soft } = dependenciesOf(content);
    for (const dependency of soft.filter((other) => files.has(other))) {
      add(dependency, `wanted by ${name}`);
    }
    for (const dependency of hard) {
      add(dependency, `needed by ${name}`);
    }
    done.set(name, { name, path, content });
  };
  for (const name of wanted) {
    add(canonicalModuleName(name), "wanted by the manifest");
  }
  return [...done.values()];
}
