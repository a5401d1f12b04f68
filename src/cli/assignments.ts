/**
 * Which word of the command line goes to which field of the request: positionals by their place, flags by their name,
 * and what has to be there.
 */
import { type Command, pathText, type RequestFlag } from "./commands.ts";
import type { GivenFlag } from "./parse.ts";
import type { Assignment } from "./request.ts";
import { UsageError } from "./usage-error.ts";

/** @throws UsageError */
export function assignmentsFrom(
  command: Command,
  words: readonly string[],
  flags: readonly GivenFlag[],
  rest?: readonly string[],
): readonly Assignment[] {
  const given = flags.flatMap(({ spec, text, label }): Assignment[] =>
    isRequestFlag(command, spec) ? [{ flag: spec, text, label }] : [],
  );
  const all = [
    ...positionalsFrom(command, words, flags),
    ...given,
    ...(command.rest === undefined ? [] : restFrom(command.rest, rest ?? [])),
  ];
  requireOne(command, all);
  const missing = command.flags.find(
    (flag) => flag.required === true && !given.some((one) => one.flag === flag),
  );
  if (missing !== undefined) {
    throw new UsageError(`--${missing.name} ${missing.valueName ?? ""} is missing`);
  }
  return all;
}

function restFrom(flag: RequestFlag, rest: readonly string[]): readonly Assignment[] {
  return rest.map((text) => ({ flag, text, label: "after --" }));
}

function requireOne({ exactlyOne, rest }: Command, all: readonly Assignment[]): void {
  if (exactlyOne === undefined) {
    if (rest !== undefined && !all.some(({ flag }) => flag === rest)) {
      throw new UsageError("say what to run: a program and its arguments after --");
    }
    return;
  }
  const given = exactlyOne.paths.filter((path) =>
    all.some(({ flag }) => pathText(flag.path) === path),
  );
  if (given.length !== 1) {
    const start = given.length === 0 ? "say what to run" : "give only one of both";
    throw new UsageError(`${start}: ${exactlyOne.hint}`);
  }
}

function positionalsFrom(
  command: Command,
  words: readonly string[],
  flags: readonly GivenFlag[],
): readonly Assignment[] {
  const rest = [...words];
  const found: Assignment[] = [];
  const wanted = command.positionals.filter(
    ({ omittedBy }) =>
      omittedBy === undefined ||
      !flags.some(({ spec, text }) => spec === omittedBy && text !== "false"),
  );
  const missing = wanted
    .slice(rest.length)
    .filter((positional) => positional.default === undefined)
    .map(({ name }) => name);
  if (missing.length > 0) {
    const way = wanted.flatMap(({ omittedBy }) =>
      omittedBy === undefined ? [] : [omittedBy.name],
    );
    const hint = way.length === 0 ? "" : `, or say --${way.join(" --")}`;
    throw new UsageError(
      `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} missing${hint}`,
    );
  }
  for (const { name, flag, default: value } of wanted) {
    const text = rest.shift() ?? value;
    if (text !== undefined) {
      found.push({ flag, text, label: name });
    }
  }
  if (rest.length > 0) {
    const hint = command.rest === undefined ? "" : "; the program to run comes after --";
    throw new UsageError(`"${rest[0]}" is one word too many${hint}`);
  }
  return found;
}

function isRequestFlag(command: Command, spec: GivenFlag["spec"]): spec is RequestFlag {
  return command.flags.some((flag) => flag === spec);
}
