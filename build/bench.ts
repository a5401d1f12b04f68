/**
 * `bench`: runs the benchmarks one after the other, each in a process of its own, so that none heats another's code.
 * With `--readme` what they print goes into the README as well.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { machineLine, withNumbers } from "./bench-readme.ts";
import { buildCommand } from "./bundle.ts";
import { BENCH_PACKAGES, ensurePackages } from "./debian.ts";
import { BuildError } from "./error.ts";
import { filesBelow } from "./files.ts";
import { inRoot, ROOT } from "./paths.ts";
import { toolEnvironment } from "./run.ts";

const SUFFIX = ".bench.ts";

/** Runs all of `test/bench`, or those whose name is given. @throws {BuildError} when one fails */
export async function benchCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { readme: { type: "boolean", default: false } },
  });
  if (values.readme && positionals.length > 0) {
    throw new BuildError("--readme takes no names: the README has the numbers of all benchmarks");
  }
  const paths = chosenBy(positionals);
  await ensurePackages(BENCH_PACKAGES);
  await buildCommand([]);
  const failed: string[] = [];
  let printed = "";
  for (const path of paths) {
    const name = basename(path, SUFFIX);
    const numbers = (await runBenchmark(name, path)) ?? (await runAgain(name, path));
    if (numbers === undefined) {
      failed.push(name);
    } else {
      printed += numbers;
    }
  }
  if (failed.length > 0) {
    throw new BuildError(`failed: ${failed.join(", ")}`);
  }
  if (values.readme) {
    const readme = inRoot("README.md");
    writeFileSync(readme, withNumbers(readFileSync(readme, "utf8"), machineLine(), printed));
    console.log("\nwritten to README.md");
  }
}

function chosenBy(names: readonly string[]): readonly string[] {
  const all = filesBelow("test/bench", `**/*${SUFFIX}`);
  const chosen = all.filter((path) => names.length === 0 || names.includes(basename(path, SUFFIX)));
  if (chosen.length === 0) {
    const known = all.map((path) => basename(path, SUFFIX)).join(", ");
    throw new BuildError(`no such benchmark: test/bench has ${known === "" ? "none" : known}`);
  }
  return chosen;
}

/**
 * Machines in QEMU are among what is measured, whose emulated processor faults now and then (processor-fault.ts), and half
 * an hour of numbers would be lost with the one.
 */
function runAgain(name: string, path: string): Promise<string | undefined> {
  console.log(`\n${name} has failed, and is run once more`);
  return runBenchmark(name, path);
}

/** Shows what it prints as it comes. @returns that; undefined where it failed */
async function runBenchmark(name: string, path: string): Promise<string | undefined> {
  let printed = "";
  const print = (text: string): void => {
    process.stdout.write(text);
    printed += text;
  };
  print(`\n${name}\n`);
  const child = Bun.spawn([process.execPath, path], {
    cwd: ROOT,
    env: toolEnvironment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    print(decoder.decode(chunk, { stream: true }));
  }
  return (await child.exited) === 0 ? printed : undefined;
}
