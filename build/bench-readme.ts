/**
 * The section of the README with the numbers of the benchmarks, so that nobody copies them by hand: what stands between
 * its two marks is written and read here. Only texts; it touches no file.
 */
import { cpus, release, type } from "node:os";
import { BuildError } from "./error.ts";

const BEGIN = "<!-- bench:begin -->\n";
const END = "<!-- bench:end -->\n";
const FENCE = "```";
/** What `withNumbers` puts between the marks. */
const SECTION = /^\n(On .+:)\n\n```text measured\n((?:(?!```).*\S.*\n(?:\n(?!```))*)+)```\n\n$/;

export interface WrittenNumbers {
  readonly machine: string;
  readonly numbers: string;
}

/** `On an AMD EPYC, 2 cores, Linux 6.1.0:`, of the machine that runs this. */
export function machineLine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim().replace(/\s+/g, " ") ?? "";
  const name = model === "" ? "unknown processor" : model;
  const article = /^[aeiou]/i.test(name) ? "an" : "a";
  const cores = `${processors.length} ${processors.length === 1 ? "core" : "cores"}`;
  return `On ${article} ${name}, ${cores}, ${type()} ${release()}:`;
}

/** The text before the numbers, between the marks, and after them. */
function partsOf(readme: string): readonly [string, string, string] {
  const [before, inside, ...more] = readme.split(BEGIN);
  const [between, after, ...others] = (inside ?? "").split(END);
  if (before === undefined || between === undefined || after === undefined) {
    throw new BuildError(`the README has no place for the numbers: ${BEGIN.trim()}, ${END.trim()}`);
  }
  if (more.length > 0 || others.length > 0 || before.includes(END)) {
    throw new BuildError("the README has more than one mark for the numbers");
  }
  return [before, between, after];
}

/**
 * The README with these numbers in place of those that it has.
 * @throws {BuildError} when it has no place for them, or they can't stand there
 */
export function withNumbers(readme: string, machine: string, printed: string): string {
  const [before, , after] = partsOf(readme);
  const lines = printed.split("\n").map((line) => line.trimEnd());
  const numbers = lines.join("\n").replace(/^\n+|\n+$/g, "");
  if (numbers === "" || numbers.includes(FENCE)) {
    throw new BuildError(`the benchmarks printed ${numbers === "" ? "nothing" : FENCE}`);
  }
  const block = `\n${machine}\n\n${FENCE}text measured\n${numbers}\n${FENCE}\n\n`;
  return before + BEGIN + block + END + after;
}

/**
 * The numbers that the README has; undefined when there are none yet.
 * @throws {BuildError} when what it has was not written by `withNumbers`
 */
export function numbersIn(readme: string): WrittenNumbers | undefined {
  const [, between] = partsOf(readme);
  if (between === "") {
    return undefined;
  }
  const [, machine, numbers] = SECTION.exec(between) ?? [];
  if (machine === undefined || numbers === undefined) {
    throw new BuildError(
      "the README's numbers are not as `bun build.ts bench --readme` writes them",
    );
  }
  return { machine, numbers: numbers.trimEnd() };
}
