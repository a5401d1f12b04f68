/**
 * `auraescript init`: makes a folder that any editor completes and checks scripts in. What is the user's is never
 * overwritten; the declarations are ours, and made anew. No symbolic link below the folder is followed: it may come from an
 * archive or a repository, and lead to what is somebody else's.
 */
import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import { COMPILER_OPTIONS, writeTypes } from "./types.ts";

export interface InitIo {
  readonly cwd: string;
  readonly stdout: (text: string) => void;
}

/** Ours alone, below the folder. */
const OWN_FOLDER = ".auraescript";
const TYPES_FOLDER = `${OWN_FOLDER}/types`;

const SCRIPT = [
  "#!/usr/bin/env auraescript",
  'import { cells, createClient } from "aurae";',
  "",
  "const service = new cells.CellServiceClient(await createClient());",
  "for (const { cell } of (await service.list()).cells) {",
  "  console.log(cell?.name);",
  "}",
  "",
].join("\n");

/** @throws {AuraeError} where the folder can't be written */
export function runInit(words: readonly string[], { cwd, stdout }: InitIo): number {
  if (words.length > 1) {
    throw new AuraeError("invalid_argument", "init: name one folder, or none for this one");
  }
  const folder = resolve(cwd, words[0] ?? ".");
  try {
    const types = join(folder, TYPES_FOLDER);
    refuseForeign(join(folder, OWN_FOLDER));
    // A link of that name goes, and not what it leads to.
    rmSync(types, { recursive: true, force: true });
    const { ambient, paths, installed } = writeTypes(types, folder, `./${TYPES_FOLDER}`);
    const say = (name: string, state: string): void =>
      stdout(`${state} ${relative(cwd, join(folder, name)) || name}\n`);
    say(TYPES_FOLDER, "wrote");
    const config = {
      compilerOptions: { ...COMPILER_OPTIONS, types: installed.types, paths },
      include: ["**/*.ts", ...ambient],
    };
    const files = {
      "tsconfig.json": `${JSON.stringify(config, null, 2)}\n`,
      "main.ts": SCRIPT,
    };
    for (const [name, text] of Object.entries(files)) {
      say(name, writeNew(join(folder, name), text) ? "wrote" : "kept ");
    }
    return 0;
  } catch (cause) {
    throw new AuraeError(
      "failed_precondition",
      `cannot write to "${folder}": ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** @throws {AuraeError} for anything but a folder of its own */
function refuseForeign(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) {
    return;
  }
  const what = found.isSymbolicLink() ? "a symbolic link, which init does not follow" : "no folder";
  throw new AuraeError("failed_precondition", `"${path}" is ${what}; remove it first`);
}

/** @returns whether there was nothing of the name, not even a link that leads nowhere */
function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx", mode: text.startsWith("#!") ? 0o755 : 0o644 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw error;
  }
}
