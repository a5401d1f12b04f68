/**
 * `auraescript check`: type-checks scripts by the compiler that the executable is built with, and the declarations that it
 * carries. Nothing of it is written beside the scripts.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { AuraeError } from "../base/errors.ts";
import { COMPILER_OPTIONS, writeTypes } from "./types.ts";

export interface CheckIo {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * @returns 0 where there is nothing to say of the types, 1 where there is, and it has been said
 * @throws {AuraeError} for files that are not there
 */
export async function runCheck(names: readonly string[], { cwd, env }: CheckIo): Promise<number> {
  const files = names.map((name) => resolve(cwd, name));
  if (files.length === 0) {
    throw new AuraeError("invalid_argument", "check: name the scripts to check");
  }
  const lost = names.find((_, index) => !existsSync(files[index] ?? ""));
  if (lost !== undefined) {
    throw new AuraeError("not_found", `cannot check "${lost}": no such file`);
  }
  const folder = mkdtempSync(join(tmpdir(), "auraescript-check-"));
  try {
    const { ambient, paths, installed } = writeTypes(folder, dirname(files[0] ?? cwd));
    const config = join(folder, "tsconfig.json");
    writeFileSync(
      config,
      JSON.stringify({
        compilerOptions: { ...COMPILER_OPTIONS, ...installed, paths },
        include: [],
        files: [...ambient, ...files],
      }),
    );
    // The executable is Bun itself when it is told so.
    const child = Bun.spawn([process.execPath, "check", "--no-script", "--project", config], {
      cwd,
      env: { ...env, BUN_BE_BUN: "1" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    return (await child.exited) === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
