/** `bench`: runs the benchmarks one after the other, each in a process of its own, so that none heats another's code. */
import { basename } from "node:path";
import { buildCommand } from "./bundle.ts";
import { BuildError } from "./error.ts";
import { filesBelow } from "./files.ts";
import { ROOT } from "./paths.ts";
import { toolEnvironment } from "./run.ts";

const SUFFIX = ".bench.ts";

/** Runs all of `test/bench`, or those whose name is given. @throws {BuildError} when one fails */
export async function benchCommand(args: readonly string[]): Promise<void> {
  const all = filesBelow("test/bench", `**/*${SUFFIX}`);
  const chosen = all.filter((path) => args.length === 0 || args.includes(basename(path, SUFFIX)));
  if (chosen.length === 0) {
    const names = all.map((path) => basename(path, SUFFIX)).join(", ");
    throw new BuildError(`no such benchmark: test/bench has ${names === "" ? "none" : names}`);
  }
  await buildCommand([]);
  const failed: string[] = [];
  for (const path of chosen) {
    const name = basename(path, SUFFIX);
    console.log(`\n${name}`);
    const child = Bun.spawn([process.execPath, path], {
      cwd: ROOT,
      env: toolEnvironment(),
      stdio: ["ignore", "inherit", "inherit"],
    });
    if ((await child.exited) !== 0) {
      failed.push(name);
    }
  }
  if (failed.length > 0) {
    throw new BuildError(`failed: ${failed.join(", ")}`);
  }
}
