/**
 * Runs one test file in a `bun test` of its own, so that a crash, a leak or a hang costs that file and no other, and
 * says how it went. What the report does not explain counts as a failure: a file that ends badly without a failed
 * test, one without a report, one without tests, one that takes too long.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failure, parseJunit, type TestResult } from "./junit.ts";
import { ROOT } from "./paths.ts";
import { killTree } from "./process-tree.ts";
import { PROCESSOR_FAULT } from "./processor-fault.ts";
import { toolEnvironment } from "./run.ts";
import type { Tier } from "./tiers.ts";

export interface FileResult {
  readonly file: string;
  readonly results: readonly TestResult[];
  readonly output: string;
  readonly durationMs: number;
  /** Why it was run a second time, which is the one that counts. */
  readonly repeatedFor?: string;
}

export interface TestFileOptions {
  /** Runs only tests whose name matches, and takes a file in which none does for good. */
  readonly namePattern?: string;
}

function readReport(path: string): TestResult[] {
  try {
    return parseJunit(readFileSync(path, "utf8"));
  } catch {
    // ENOENT: a `bun test` that crashed, or could not load the file, leaves no report.
    return [];
  }
}

function argumentsFor(tier: Tier, file: string, report: string, namePattern: string | undefined) {
  return [
    "test",
    "--no-orphans",
    `--timeout=${tier.testTimeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...(namePattern === undefined ? [] : [`--test-name-pattern=${namePattern}`]),
    `./${file}`,
  ];
}

interface Ending {
  readonly timedOut: boolean;
  readonly signal: string | null;
  readonly status: number;
}

/** What went wrong beside the tests themselves, if anything. */
function faultOf(
  ending: Ending,
  results: readonly TestResult[],
  tier: Tier,
  isFiltered: boolean,
): string | undefined {
  if (ending.timedOut) {
    return `ended after ${tier.fileTimeoutMs / 1000} s, which is all that a file of this tier has`;
  }
  if (ending.signal !== null) {
    return `crashed: ${ending.signal}`;
  }
  if (results.length === 0) {
    return isFiltered ? undefined : "has no tests, or could not be loaded";
  }
  if (ending.status !== 0 && results.every(isNoFailure)) {
    return `ended with status ${ending.status} though no test failed: an error outside the tests`;
  }
  return undefined;
}

/** Runs `bun test` with its output in a file: a pipe would stay open for as long as anything that it left behind. */
async function runBunTest(argv: readonly string[], log: string, limitMs: number): Promise<Ending> {
  const output = openSync(log, "a");
  try {
    const child = Bun.spawn([process.execPath, ...argv], {
      cwd: ROOT,
      env: { ...toolEnvironment(), FORCE_COLOR: process.stdout.isTTY ? "1" : "0" },
      stdin: "ignore",
      stdout: output,
      stderr: output,
    });
    let timedOut = false;
    const stop = setTimeout(() => {
      timedOut = true;
      killTree(child.pid);
    }, limitMs);
    await child.exited;
    clearTimeout(stop);
    return {
      timedOut,
      signal: child.signalCode as NodeJS.Signals | null,
      status: child.exitCode ?? 1,
    };
  } finally {
    closeSync(output);
  }
}

/** Runs a test file to its end, or to the end of its time; once more, if what it had to run on faulted. */
export async function runTestFile(
  tier: Tier,
  file: string,
  options: TestFileOptions = {},
): Promise<FileResult> {
  const first = await runOnce(tier, file, options);
  if (!first.output.includes(PROCESSOR_FAULT) || first.results.every(isNoFailure)) {
    return first;
  }
  const second = await runOnce(tier, file, options);
  return {
    ...second,
    output: `${first.output}\n\nonce more\n\n${second.output}`,
    durationMs: first.durationMs + second.durationMs,
    repeatedFor: PROCESSOR_FAULT,
  };
}

function isNoFailure({ outcome }: TestResult): boolean {
  return outcome !== "failed";
}

async function runOnce(tier: Tier, file: string, options: TestFileOptions): Promise<FileResult> {
  const start = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "auraed-test-"));
  const report = join(folder, "report.xml");
  const log = join(folder, "output");
  const isFiltered = options.namePattern !== undefined;
  try {
    const argv = argumentsFor(tier, file, report, options.namePattern);
    const ending = await runBunTest(argv, log, tier.fileTimeoutMs);
    const all = readReport(report);
    // With a filter, the report lists what it left out as skipped.
    const results = isFiltered ? all.filter(({ outcome }) => outcome !== "skipped") : all;
    const fault = faultOf(ending, results, tier, isFiltered);
    return {
      file,
      results: fault === undefined ? results : [...results, failure("(the file)", fault)],
      output: readFileSync(log, "utf8").trim(),
      durationMs: performance.now() - start,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
