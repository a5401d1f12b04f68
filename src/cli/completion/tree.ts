/**
 * The command tree as completion needs it: plain words, whatever the shell.
 */
import { SERVICE_GROUPS } from "../../client/services.ts";
import { type Command, commandsOf } from "../commands.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "../flags.ts";
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
}

export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletionFlag[];
}

export interface CompletionGroup {
  readonly name: string;
  readonly commands: readonly CompletionCommand[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionGroups(): readonly CompletionGroup[] {
  return [
    ...SERVICE_GROUPS.map((group) => ({
      name: group.name,
      commands: commandsOf(group).map(completionCommand),
    })),
    {
      name: "completion",
      commands: SHELLS.map((name) => ({ name, summary: `The script for ${name}.`, flags: [] })),
    },
    {
      name: "help",
      commands: SERVICE_GROUPS.map(({ name }) => ({ name, summary: "", flags: [] })),
    },
  ];
}

export function globalCompletionFlags(): readonly CompletionFlag[] {
  return GLOBAL_FLAG_LIST.map(completionFlag);
}

function completionCommand(command: Command): CompletionCommand {
  return {
    name: command.name,
    summary: commandText(command)[0] ?? "",
    flags: flagsOf(command).map(completionFlag),
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
  };
}
