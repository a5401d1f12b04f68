import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { inRoot, ROOT } from "./paths.ts";
import { PROCESSOR_FAULT } from "./processor-fault.ts";
import { runTestFile, type TestFileOptions } from "./test-file.ts";
import { countsOf } from "./test-report.ts";
import type { Tier } from "./tiers.ts";

// Inside of the repository, whose bunfig.toml and modules the files are run with, and outside of every tier.
mkdirSync(inRoot("dist"), { recursive: true });
const folder = mkdtempSync(inRoot("dist/.test-file-"));

afterAll(() => rmSync(folder, { recursive: true }));

const TIER: Tier = {
  name: "made-up",
  folders: [],
  needs: [],
  testTimeoutMs: 20_000,
  fileTimeoutMs: 20_000,
  concurrency: 1,
};

async function outcomeOf(text: string, tier: Tier = TIER, options: TestFileOptions = {}) {
  const path = join(folder, `${basename(folder)}-${Bun.hash(text).toString(36)}.test.ts`);
  writeFileSync(path, `import { expect, test } from "bun:test";\n${text}\n`);
  const { results, output, repeatedFor } = await runTestFile(tier, relative(ROOT, path), options);
  const messages = results.map(({ message }) => message).filter((message) => message !== "");
  return { ...countsOf(results), messages, output, repeatedFor };
}

test("runTestFile counts what passed, failed and was skipped", async () => {
  const skipped = `test.sk${"ip"}("c", () => {});`;
  const text = `test("a", () => {}); test("b", () => { expect(1).toBe(2); }); ${skipped}`;
  expect(await outcomeOf(text)).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
});

test("runTestFile counts a crash as a failure, and names the signal", async () => {
  const outcome = await outcomeOf('test("a", () => { process.kill(process.pid, "SIGSEGV"); });');
  expect(outcome).toMatchObject({ passed: 0, failed: 1, messages: ["crashed: SIGSEGV"] });
});

test("runTestFile counts a file without tests, and one that can't be loaded, as a failure", async () => {
  const message = "has no tests, or could not be loaded";
  expect(await outcomeOf("")).toMatchObject({ failed: 1, messages: [message] });
  const unloadable = await outcomeOf('import "./not-there.ts"; test("a", () => {});');
  expect(unloadable).toMatchObject({ passed: 0, failed: 1, messages: [message] });
  expect(unloadable.output).toContain("not-there.ts");
});

test("runTestFile counts an error between tests as a failure, though no test failed", async () => {
  const text = `import { afterAll } from "bun:test";
  const { promise, resolve } = Promise.withResolvers();
  test("a", () => { setTimeout(() => { resolve(); throw new Error("late"); }, 1); });
  afterAll(() => promise);`;
  const outcome = await outcomeOf(text);
  expect(outcome).toMatchObject({ passed: 1, failed: 1 });
  expect(outcome.messages).toEqual([expect.stringContaining("an error outside the tests")]);
});

/** Whether a process runs; one that ended and that nobody has waited for does not. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // ENOENT, ESRCH: it is gone.
    return false;
  }
}

test("runTestFile ends a file that takes too long, and what it started", async () => {
  const text = `test("a", async () => {
    const child = Bun.spawn(["sleep", "1000"]);
    console.log("child " + child.pid);
    await child.exited;
  });`;
  const outcome = await outcomeOf(text, { ...TIER, fileTimeoutMs: 1000 });
  expect(outcome).toMatchObject({ passed: 0, failed: 1 });
  const pid = Number(/child (\d+)/.exec(outcome.output)?.[1]);
  expect(pid).toBeGreaterThan(0);
  while (isRunning(pid)) {
    await Bun.sleep(5);
  }
});

test("runTestFile takes a file without a match for its name pattern for good", async () => {
  const text = 'test("a", () => {}); test("b", () => { throw new Error("no"); });';
  const options = { namePattern: "^a$" };
  expect(await outcomeOf(text, TIER, options)).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
  const none = await outcomeOf(text, TIER, { namePattern: "^c$" });
  expect(none).toMatchObject({ passed: 0, failed: 0, skipped: 0 });
});

test("runTestFile runs a file once more that failed since the processor of its machine faulted", async () => {
  const runs = join(folder, "runs");
  const failing = (marker: string, lastFailure: number): string => `
    import { appendFileSync, readFileSync } from "node:fs";
    test("a", () => {
      appendFileSync(${JSON.stringify(runs)}, ".");
      console.error(${JSON.stringify(marker)});
      expect(readFileSync(${JSON.stringify(runs)}, "utf8").length).toBeGreaterThan(${lastFailure});
    });`;
  const outcome = async (text: string) => {
    writeFileSync(runs, "");
    const { passed, failed, repeatedFor } = await outcomeOf(text);
    return { passed, failed, repeatedFor, runs: readFileSync(runs, "utf8").length };
  };
  const repeatedFor = PROCESSOR_FAULT;
  expect(await outcome(failing(PROCESSOR_FAULT, 1))).toEqual({
    ...{ passed: 1, failed: 0, repeatedFor, runs: 2 },
  });
  expect(await outcome(failing(PROCESSOR_FAULT, 2))).toEqual({
    ...{ passed: 0, failed: 1, repeatedFor, runs: 2 },
  });
  const once = { repeatedFor: undefined, runs: 1 };
  expect(await outcome(failing(PROCESSOR_FAULT, 0))).toEqual({ passed: 1, failed: 0, ...once });
  expect(await outcome(failing("another", 1))).toEqual({ passed: 0, failed: 1, ...once });
});
