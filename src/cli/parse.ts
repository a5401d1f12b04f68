/**
 * The words of a command line, taken apart: which command, which flags, which positionals. Reads no value.
 *
 * Flags may stand anywhere; `--flag value`, `--flag=value`, `-f value`, `-fvalue`; `--` ends them. A flag that takes a
 * value takes the next word whatever it looks like.
 */
import { type Builtin, BUILTINS, findBuiltin } from "./builtins.ts";
import { type Command, commandNames, findCommand } from "./commands.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "./flags.ts";
import { type CommandGroup, GROUP_NAMES } from "./groups.ts";
import { nearest } from "../base/suggest.ts";
import { UsageError } from "./usage-error.ts";

export interface GivenFlag {
  readonly spec: FlagSpec;
  readonly text: string;
  /** As the user wrote it, with dashes. */
  readonly label: string;
}

export interface ParsedLine {
  readonly group: CommandGroup | undefined;
  readonly command: Command | undefined;
  /** In place of a group. */
  readonly builtin: Builtin | undefined;
  /** All words that are no flags, without those that name the command. */
  readonly words: readonly string[];
  readonly flags: readonly GivenFlag[];
  /** The words after `--` for a command that has a place for them; undefined without a `--`. */
  readonly rest: readonly string[] | undefined;
}

/**
 * @param groups at least those that the words name
 * @throws UsageError
 */
export function parseLine(argv: readonly string[], groups: readonly CommandGroup[]): ParsedLine {
  const words: string[] = [];
  const flags: GivenFlag[] = [];
  let group: CommandGroup | undefined;
  let command: Command | undefined;
  let builtin: Builtin | undefined;
  let rest: readonly string[] | undefined;
  let known = flagTable(GLOBAL_FLAG_LIST);

  const here = (): string => whereOf({ group, command, builtin, words });
  const takeWord = (word: string): void => {
    if (builtin !== undefined || command !== undefined) {
      words.push(word);
    } else if (group === undefined) {
      builtin = findBuiltin(word);
      if (builtin !== undefined) {
        known = flagTable([...GLOBAL_FLAG_LIST, ...builtin.flags]);
        return;
      }
      group = groups.find(({ name }) => name === word);
      if (group === undefined) {
        const names = [...GROUP_NAMES, ...BUILTINS.map(({ name }) => name)];
        throw new UsageError(`no command "${word}"${nearest(word, names)}`);
      }
    } else {
      command = findCommand(group, word);
      if (command === undefined) {
        throw new UsageError(`no command "${word}"${nearest(word, commandNames(group))}`, here());
      }
      known = flagTable([...GLOBAL_FLAG_LIST, ...flagsOf(command)]);
    }
  };

  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") {
      const after = argv.slice(at + 1);
      if (takesRest(command)) {
        rest = after;
      } else {
        after.forEach(takeWord);
      }
      break;
    }
    if (word === "-" || !word.startsWith("-")) {
      takeWord(word);
      continue;
    }
    for (const one of switchesOf(word, known)) {
      flags.push(one);
    }
    const { label, attached } = splitFlag(lastOfCluster(word, known), known);
    const spec = known.get(label);
    if (spec === undefined) {
      throw new UsageError(`no flag "${label}"${nearest(label, [...known.keys()])}`, here());
    }
    let text = attached;
    if (text === undefined && spec.valueName !== undefined) {
      at += 1;
      text = argv[at];
      if (text === undefined) {
        throw new UsageError(`${label}: ${spec.valueName} is missing after it`, here());
      }
    }
    flags.push({ spec, label, text: text ?? "true" });
  }
  refuseRepeats(flags, here());
  return { group, command, builtin, words, flags, rest };
}

function takesRest(command: Command | undefined): boolean {
  return command?.rest !== undefined;
}

/** How many letters of `-itx` are switches that others follow. */
function switchCount(word: string, known: ReadonlyMap<string, FlagSpec>): number {
  if (word.startsWith("--")) {
    return 0;
  }
  let count = 0;
  for (const letter of word.slice(1, -1)) {
    const spec = known.get(`-${letter}`);
    if (spec === undefined || spec.valueName !== undefined) {
      break;
    }
    count += 1;
  }
  // `-v=x` is no cluster.
  return word[count + 1] === "=" ? 0 : count;
}

function switchesOf(word: string, known: ReadonlyMap<string, FlagSpec>): readonly GivenFlag[] {
  return [...word.slice(1, 1 + switchCount(word, known))].flatMap((letter) => {
    const label = `-${letter}`;
    const spec = known.get(label);
    return spec === undefined ? [] : [{ spec, label, text: "true" }];
  });
}

function lastOfCluster(word: string, known: ReadonlyMap<string, FlagSpec>): string {
  const count = switchCount(word, known);
  return count === 0 ? word : `-${word.slice(1 + count)}`;
}

/** Every flag a command takes besides the global ones. */
export function flagsOf(command: Command): readonly FlagSpec[] {
  const omitting = command.positionals.flatMap(({ omittedBy }) =>
    omittedBy === undefined ? [] : [omittedBy],
  );
  return [...new Set([...command.flags, ...command.extras, ...omitting])];
}

function flagTable(specs: readonly FlagSpec[]): ReadonlyMap<string, FlagSpec> {
  const table = new Map<string, FlagSpec>();
  for (const spec of specs) {
    for (const name of [spec.name, ...spec.aliases]) {
      table.set(`--${name}`, spec);
    }
    if (spec.short !== undefined) {
      table.set(`-${spec.short}`, spec);
    }
  }
  return table;
}

function splitFlag(
  word: string,
  known: ReadonlyMap<string, FlagSpec>,
): { readonly label: string; readonly attached: string | undefined } {
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    return equals < 0
      ? { label: word, attached: undefined }
      : { label: word.slice(0, equals), attached: word.slice(equals + 1) };
  }
  const label = word.slice(0, 2);
  const rest = word.slice(2);
  if (rest !== "" && known.get(label)?.valueName === undefined) {
    // `-vx`, of which x is no flag.
    return { label: word, attached: undefined };
  }
  return { label, attached: rest === "" ? undefined : rest.replace(/^=/, "") };
}

/** `cell allocate` or `context use`, for messages. */
export function whereOf({ group, command, builtin, words }: Whereabouts): string {
  const named = builtin?.commands.find(({ name }) => name === words[0]);
  return [group?.name, command?.name, builtin?.name, named?.name]
    .filter((word) => word !== undefined)
    .join(" ");
}

type Whereabouts = Pick<ParsedLine, "group" | "command" | "builtin" | "words">;

function refuseRepeats(flags: readonly GivenFlag[], where: string): void {
  const seen = new Set<FlagSpec>();
  for (const { spec, label } of flags) {
    if (seen.has(spec) && spec.repeated !== true && spec.valueName !== undefined) {
      throw new UsageError(`${label}: given twice`, where);
    }
    seen.add(spec);
  }
}
