/** Prints what a run of tests came to: a line a file while it runs; at the end the failures, a table, the counts. */
import type { FileResult } from "./test-file.ts";
import type { TestResult } from "./junit.ts";

const NAME_WIDTH = 52;
/** Lines of a failure's message in the list at the end; the whole of it stands where it happened. */
const MESSAGE_LINES = 6;

export interface TierResult {
  readonly name: string;
  readonly durationMs: number;
  readonly files: readonly FileResult[];
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countsOf(results: readonly TestResult[]): Counts {
  const count = (outcome: TestResult["outcome"]) =>
    results.filter((result) => result.outcome === outcome).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

function formatSeconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/** The line of a file, after its output if something in it failed. */
export function printFile({ file, results, output, durationMs, repeatedFor }: FileResult): void {
  const counts = countsOf(results);
  if (counts.failed > 0 && output !== "") {
    console.log(output);
  }
  const mark = counts.failed > 0 ? "FAILED " : "";
  const repeated = repeatedFor === undefined ? "" : `, once more since ${repeatedFor}`;
  const line = `${mark}${formatCounts(counts)} (${formatSeconds(durationMs)}${repeated})`;
  console.log(`  ${file.padEnd(NAME_WIDTH)} ${line}`);
}

function printFailures(tiers: readonly TierResult[]): void {
  const failures = tiers.flatMap((tier) =>
    tier.files.flatMap(({ file, results }) =>
      results
        .filter(({ outcome }) => outcome === "failed")
        .map(({ name, message }) => ({ tier: tier.name, file, name, message })),
    ),
  );
  if (failures.length === 0) {
    return;
  }
  console.log("\nfailures");
  for (const { tier, file, name, message } of failures) {
    console.log(`  ${tier}: ${file}: ${name}`);
    const lines = message.split("\n").filter((line) => line.trim() !== "");
    for (const line of lines.slice(0, MESSAGE_LINES)) {
      console.log(`      ${line}`);
    }
  }
}

/**
 * Prints the failures again, the table of tiers, and, as the last line, `N passed, N failed`.
 * @returns the counts over all tiers
 */
export function printSummary(tiers: readonly TierResult[]): Counts {
  printFailures(tiers);
  console.log("\ntiers");
  for (const { name, files, durationMs } of tiers) {
    const counts = formatCounts(countsOf(files.flatMap(({ results }) => results)));
    console.log(`  ${name.padEnd(14)} ${counts} (${formatSeconds(durationMs)})`);
  }
  const total = countsOf(tiers.flatMap(({ files }) => files.flatMap(({ results }) => results)));
  console.log(`\n${formatCounts(total)}`);
  return total;
}
