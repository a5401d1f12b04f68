import { describe, expect, test } from "bun:test";
import { stepsOf } from "../test/harness/readme.ts";
import { benchCommand } from "./bench.ts";
import { machineLine, numbersIn, withNumbers } from "./bench-readme.ts";
import { BuildError } from "./error.ts";

const MACHINE = "On an AMD EPYC, 2 cores, Linux 6.1.0:";
const EMPTY = "# a\n\nwords\n\n<!-- bench:begin -->\n<!-- bench:end -->\n\nmore\n";

describe("withNumbers", () => {
  test("puts the machine and what the benchmarks printed between the marks, and only there", () => {
    const written = withNumbers(EMPTY, MACHINE, "\nstart\n  a   1 ms\n  b   2 ms  \n\n");
    expect(written).toBe(
      `# a\n\nwords\n\n<!-- bench:begin -->\n\n${MACHINE}\n\n\`\`\`text measured\nstart\n  a   1 ms\n  b   2 ms\n\`\`\`\n\n<!-- bench:end -->\n\nmore\n`,
    );
    expect(numbersIn(written)).toEqual({
      machine: MACHINE,
      numbers: "start\n  a   1 ms\n  b   2 ms",
    });
    expect(stepsOf(written, "x.md")).toEqual([]);
  });

  test("replaces the numbers of before, and takes $& in them for what it is", () => {
    const once = withNumbers(EMPTY, MACHINE, "old 1");
    const twice = withNumbers(once, MACHINE, "new $& 2");
    expect(numbersIn(twice)?.numbers).toBe("new $& 2");
    expect(withNumbers(twice, MACHINE, "old 1")).toBe(once);
  });

  test.each([
    "",
    "<!-- bench:begin -->\n",
    "<!-- bench:end -->\n<!-- bench:begin -->\n",
    EMPTY + EMPTY,
  ])("refuses a text without one place for them: %j", (text) => {
    expect(() => withNumbers(text, MACHINE, "1")).toThrow(BuildError);
  });

  test("refuses to write nothing, or what would end the block", () => {
    expect(() => withNumbers(EMPTY, MACHINE, " \n")).toThrow("printed nothing");
    expect(() => withNumbers(EMPTY, MACHINE, "a\n```\nb")).toThrow(BuildError);
  });
});

describe("numbersIn", () => {
  test("is undefined where none have been written yet", () => {
    expect(numbersIn(EMPTY)).toBeUndefined();
  });

  test.each([
    "words\n",
    "```text measured\n1\n```\n",
    `\n${MACHINE}\n\n\`\`\`text measured\n\n\`\`\`\n\n`,
  ])("refuses what withNumbers does not write: %j", (between) => {
    const text = EMPTY.replace("<!-- bench:end", `${between}<!-- bench:end`);
    expect(() => numbersIn(text)).toThrow(BuildError);
  });
});

test("machineLine names the processor, its cores and the kernel, in one line", () => {
  expect(machineLine()).toMatch(/^On an? \S.*, \d+ cores?, Linux \d+\.\d+\S*:$/);
});

test("bench writes the README with all benchmarks only", async () => {
  await expect(benchCommand(["--readme", "start"])).rejects.toThrow("--readme takes no names");
});
