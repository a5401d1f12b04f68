/**
 * The command tree as completion needs it: plain words, whatever the shell.
 */
import { type Builtin, BUILTINS } from "../builtins.ts";
import { type Command, commandsOf } from "../commands.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "../flags.ts";
import { type CommandGroup, GROUP_NAMES } from "../groups.ts";
import { methodPaths } from "../methods.ts";
import { flagsOf } from "../parse.ts";
import { commandText, flagText } from "../texts.ts";

export interface CompletionFlag {
  readonly long: string;
  /** Long names that are taken as well and not offered. */
  readonly hidden: readonly string[];
  readonly short: string | undefined;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly completesFiles: boolean;
  readonly completesContexts: boolean;
}

export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletionFlag[];
  /** Whether the word after it is the name of a context. */
  readonly takesContext: boolean;
}

export interface CompletionGroup {
  readonly name: string;
  readonly commands: readonly CompletionCommand[];
}

export function completionGroups(groups: readonly CommandGroup[]): readonly CompletionGroup[] {
  return [
    ...groups.map((group) => ({
      name: group.name,
      commands: commandsOf(group).map(completionCommand),
    })),
    ...BUILTINS.map((builtin) => ({ name: builtin.name, commands: wordsAfter(builtin) })),
  ];
}

/** What may come after the name of a command that is no group: its commands, the methods, or the groups. */
function wordsAfter({ name, commands, flags }: Builtin): readonly CompletionCommand[] {
  const plain = (word: string): CompletionCommand => ({
    ...{ name: word, summary: "", flags: [], takesContext: false },
  });
  switch (name) {
    case "call":
      return methodPaths().map(plain);
    case "help":
      return [...GROUP_NAMES, ...BUILTINS.map((it) => it.name)].map(plain);
    default:
      return commands.map((command) => ({
        name: command.name,
        summary: command.summary,
        flags: flags.map(completionFlag),
        takesContext: command.takesContext === true,
      }));
  }
}

export function globalCompletionFlags(): readonly CompletionFlag[] {
  return GLOBAL_FLAG_LIST.map(completionFlag);
}

function completionCommand(command: Command): CompletionCommand {
  return {
    name: command.name,
    summary: commandText(command)[0] ?? "",
    flags: flagsOf(command).map(completionFlag),
    takesContext: false,
  };
}

function completionFlag(flag: FlagSpec): CompletionFlag {
  return {
    long: flag.name,
    hidden: flag.aliases,
    short: flag.short,
    summary: flagText(flag),
    takesValue: flag.valueName !== undefined,
    choices: flag.choices ?? [],
    completesFiles: flag.completes === "file",
    completesContexts: flag.completes === "context",
  };
}
