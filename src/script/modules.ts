/**
 * What a script can import that is on no disk: `aurae`, the modules of Aurae's own scripts, and a script that came by
 * standard input. Nothing of it is loaded before it is imported.
 */
import { readFileSync } from "node:fs";
import { plugin } from "bun";
import { ORIGINAL_MODULES } from "../library/original/modules.ts";

/** `../auraescript/gen/cells.ts`, and `../auraescript/aurae.ts` of the oldest. */
const ORIGINAL = /(?:^|\/)auraescript\/(?:gen\/)?([a-z_]+)\.ts$/;
const ORIGINAL_NAMESPACE = "auraescript";

/** The script that came as text, once there is one. */
let given: TextScript | undefined;

/** What a file of the original had that this API has not. */
const MISSING: Readonly<Record<string, string>> = {
  cri: "pods and containers (runtime.v1) are not there yet",
};

interface Asked {
  readonly specifier: string;
  /** The module that imports it. */
  readonly referrer: string;
}

/** A module of the original's that there is none of here. */
export class MissingModuleError extends Error {
  readonly specifier: string;
  readonly referrer: string;

  constructor({ specifier, referrer }: Asked, reason: string) {
    super(`cannot find module "${specifier}": ${reason}`);
    this.specifier = specifier;
    this.referrer = referrer;
  }
}

/** A script whose text is not in a file of its name, or in one that the runtime can't load by that name. */
export interface TextScript {
  /** What the runtime calls it; its imports are found from there. */
  readonly path: string;
  readonly text: string;
}

/** A path as the runtime takes it for the name of a module: what is after a question mark would be left out. */
export function modulePath(path: string): string {
  return path.replaceAll("?", "%3F");
}

/** Registers the modules with the runtime, for all that is imported from now on. */
export function provideModules(script?: TextScript): void {
  given = script;
  const importers = new Map<string, Asked>();
  plugin({
    name: "auraescript",
    setup(build) {
      build.module("aurae", async () => ({
        exports: withDefault(await import("../library/index.ts")),
        loader: "object",
      }));
      build.onResolve({ filter: ORIGINAL }, ({ path, importer }) => {
        const name = ORIGINAL.exec(path)?.[1] ?? path;
        importers.set(name, { specifier: path, referrer: importer });
        return { path: name, namespace: ORIGINAL_NAMESPACE };
      });
      build.onLoad({ filter: /.*/, namespace: ORIGINAL_NAMESPACE }, async ({ path }) => ({
        exports: withDefault(await originalModule(path, importers.get(path))),
        loader: "object",
      }));
      if (script !== undefined) {
        build.module(script.path, () => ({
          contents: script.text,
          loader: /\.[jt]sx$/.test(script.path) ? "tsx" : "ts",
        }));
      }
    },
  });
}

/** The text of a module by its path; none where it is in no file. */
export function sourceOf(path: string): string | undefined {
  if (path === given?.path) {
    return given.text;
  }
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether a specifier, as a module of that folder has it, leads to the module that the runtime calls so. */
export function leadsTo(specifier: string, folder: string, module: string): boolean {
  const name = ORIGINAL.exec(specifier)?.[1];
  return (
    specifier === module ||
    (name !== undefined && module === `${ORIGINAL_NAMESPACE}:${name}`) ||
    resolved(specifier, folder)?.replace(/^node:/, "") === module.replace(/^node:/, "")
  );
}

/** The file, or the name of a built-in module; none where there is neither. */
export function resolved(specifier: string, folder: string): string | undefined {
  try {
    return Bun.resolveSync(specifier, folder);
  } catch {
    return undefined;
  }
}

async function originalModule(name: string, asked: Asked | undefined): Promise<object> {
  const load = Object.hasOwn(ORIGINAL_MODULES, name) ? ORIGINAL_MODULES[name] : undefined;
  if (load === undefined) {
    const known = Object.keys(ORIGINAL_MODULES).join(", ");
    const reason =
      (Object.hasOwn(MISSING, name) ? MISSING[name] : undefined) ?? `there are ${known}`;
    throw new MissingModuleError(asked ?? { specifier: name, referrer: "" }, reason);
  }
  return await load();
}

/** As a namespace is imported, or as a default. */
function withDefault(module: object): Record<string, unknown> {
  return { ...module, default: module };
}

/** The global `runtime` of the first scripts, loaded by the first use. */
export function provideRuntimeGlobal(): void {
  const provide = (value: unknown): void => {
    Object.defineProperty(globalThis, "runtime", {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  };
  Object.defineProperty(globalThis, "runtime", {
    configurable: true,
    enumerable: true,
    get() {
      const runtime: unknown = require("../library/original/runtime.ts");
      provide(runtime);
      return runtime;
    },
    set: provide,
  });
}
