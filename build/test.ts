/**
 * `test`: the set-up, the checks, the build, and every tier of tests, each file in a process of its own. A part of it
 * runs when tiers or files are named. The last line says how many passed and failed, whatever happened.
 */
import { isAbsolute, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildBundle } from "./bundle.ts";
import { CHECKS } from "./check.ts";
import { ensurePackages, TEST_PACKAGES } from "./debian.ts";
import { BuildError } from "./error.ts";
import { buildFfi } from "./ffi.ts";
import { filesBelow } from "./files.ts";
import { failure } from "./junit.ts";
import { ROOT } from "./paths.ts";
import { describeFailure, step } from "./step.ts";
import { type FileResult, runTestFile, type TestFileOptions } from "./test-file.ts";
import { printFile, printSummary, type TierResult } from "./test-report.ts";
import { type Artifact, filesOfTier, type Tier, TIERS, tierOfFile } from "./tiers.ts";

const MAKERS: Readonly<Record<Artifact, () => Promise<unknown>>> = {
  ffi: buildFfi,
  bundle: buildBundle,
  npm: async () => (await import("./npm.ts")).buildNpmPackage(),
  initramfs: async () => (await import("./initramfs.ts")).initramfsCommand([]),
};

interface Plan {
  readonly checks: boolean;
  readonly tiers: readonly { readonly tier: Tier; readonly files: readonly string[] }[];
  readonly options: TestFileOptions;
}

function filesMatching(argument: string): string[] {
  const path = relative(ROOT, isAbsolute(argument) ? argument : resolve(ROOT, argument));
  const files = TIERS.flatMap(filesOfTier);
  const exact = files.filter((file) => file === path || file.startsWith(`${path}/`));
  return exact.length > 0 ? exact : files.filter((file) => file.includes(argument));
}

/** @throws {BuildError} for an argument that is no tier and matches no file */
function planOf(args: readonly string[]): Plan {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { "test-name-pattern": { type: "string", short: "t" } },
  });
  const pattern = values["test-name-pattern"];
  const options = pattern === undefined ? {} : { namePattern: pattern };
  if (positionals.length === 0) {
    const tiers = TIERS.map((tier) => ({ tier, files: filesOfTier(tier) }));
    return { checks: pattern === undefined, tiers, options };
  }
  const chosen = new Set<string>();
  for (const argument of positionals.filter((name) => name !== "check")) {
    const tier = TIERS.find(({ name }) => name === argument);
    const files = tier === undefined ? filesMatching(argument) : filesOfTier(tier);
    if (files.length === 0) {
      const names = TIERS.map(({ name }) => name).join(", ");
      throw new BuildError(
        `no tests for "${argument}": name a tier (check, ${names}), or a part of a test file's path`,
      );
    }
    for (const file of files) {
      chosen.add(file);
    }
  }
  const tiers = TIERS.map((tier) => ({
    tier,
    files: [...chosen].filter((file) => tierOfFile(file) === tier),
  })).filter(({ files }) => files.length > 0);
  return { checks: positionals.includes("check"), tiers, options };
}

async function asResult(name: string, work: () => Promise<unknown>): Promise<FileResult> {
  const start = performance.now();
  let message: string | undefined;
  try {
    await step(name, work);
  } catch (error) {
    message = describeFailure(error instanceof BuildError ? (error.cause ?? error) : error);
  }
  const result =
    message === undefined
      ? ({ name, outcome: "passed", message: "" } as const)
      : failure(name, message);
  return { file: name, results: [result], output: "", durationMs: performance.now() - start };
}

/** Tests that no tier would run. */
async function checkTiers(): Promise<void> {
  const lost = filesBelow(".", "{build,docs,examples,ffi,initramfs,proto,src,test}/**/*.test.ts")
    .map((path) => relative(ROOT, path))
    .filter((path) => tierOfFile(path) === undefined);
  if (lost.length > 0) {
    throw new BuildError(`in no tier of build/tiers.ts:\n${lost.join("\n")}`);
  }
}

async function timed(name: string, work: () => Promise<FileResult[]>): Promise<TierResult> {
  console.log(`\n${name}`);
  const start = performance.now();
  const files = await work();
  return { name, files, durationMs: performance.now() - start };
}

function runChecks(): Promise<TierResult> {
  return timed("check", async () => {
    const results: FileResult[] = [];
    for (const check of [...CHECKS, { name: "tiers", run: checkTiers }]) {
      results.push(await asResult(check.name, check.run));
    }
    return results;
  });
}

function runBuild(needed: ReadonlySet<Artifact>): Promise<TierResult> {
  return timed("build", async () => {
    const results: FileResult[] = [];
    for (const [name, make] of Object.entries(MAKERS)) {
      if (needed.has(name as Artifact)) {
        results.push(await asResult(name, make));
      }
    }
    return results;
  });
}

/** Runs a tier's files, as many at once as it allows. */
function runTier(
  tier: Tier,
  files: readonly string[],
  options: TestFileOptions,
): Promise<TierResult> {
  return timed(tier.name, async () => {
    if (files.length === 0) {
      return [
        {
          file: tier.folders.join(", "),
          results: [failure("(the tier)", "has no test files")],
          output: "",
          durationMs: 0,
        },
      ];
    }
    const queue = [...files];
    const results: FileResult[] = [];
    const worker = async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const result = await runTestFile(tier, file, options);
        printFile(result);
        results.push(result);
      }
    };
    await Promise.all(Array.from({ length: tier.concurrency }, worker));
    return results;
  });
}

export async function testCommand(args: readonly string[]): Promise<void> {
  const results: TierResult[] = [];
  try {
    const plan = planOf(args);
    await ensurePackages(TEST_PACKAGES);
    const needed = new Set<Artifact>(plan.tiers.flatMap(({ tier }) => tier.needs));
    if (plan.checks) {
      results.push(await runChecks());
    }
    results.push(await runBuild(needed));
    for (const { tier, files } of plan.tiers) {
      results.push(await runTier(tier, files, plan.options));
    }
  } catch (error) {
    console.error(describeFailure(error));
    const file = {
      file: "npm test",
      results: [failure("set-up", describeFailure(error))],
      output: "",
      durationMs: 0,
    };
    results.push({ name: "set-up", files: [file], durationMs: 0 });
  }
  const { passed, failed } = printSummary(results);
  if (failed > 0 || passed === 0) {
    process.exitCode = 1;
  }
}
