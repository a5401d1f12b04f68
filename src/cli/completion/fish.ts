/**
 * The completion script for fish (`complete` in fish's manual): one line a word or flag, each with its condition.
 */
import type { CommandGroup } from "../groups.ts";
import { type CompletionFlag, completionGroups, globalCompletionFlags } from "./tree.ts";

export function fishCompletion(commandGroups: readonly CommandGroup[]): string {
  const groups = completionGroups(commandGroups);
  const names = groups.map(({ name }) => name).join(" ");
  const lines = [
    '# fish completion for aer; made by "aer completion fish".',
    "function __aer_contexts",
    "  echo default",
    "  for file in ~/.aurae/contexts/*.toml",
    "    basename $file .toml",
    "  end",
    "end",
    "complete -c aer -f",
    ...globalCompletionFlags().map((flag) => flagLine(flag, undefined)),
    `complete -c aer -n ${quote(`not __fish_seen_subcommand_from ${names}`)} -a ${quote(names)}`,
  ];
  for (const group of groups) {
    const commands = group.commands.map(({ name }) => name).join(" ");
    const isOpen = `__fish_seen_subcommand_from ${group.name}; and not __fish_seen_subcommand_from ${commands}`;
    for (const command of group.commands) {
      lines.push(
        `complete -c aer -n ${quote(isOpen)} -a ${quote(command.name)} -d ${quote(command.summary)}`,
      );
      const isChosen = `__fish_seen_subcommand_from ${group.name}; and __fish_seen_subcommand_from ${command.name}`;
      lines.push(...command.flags.map((flag) => flagLine(flag, isChosen)));
      if (command.takesContext) {
        lines.push(`complete -c aer -n ${quote(isChosen)} -a '(__aer_contexts)'`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

function flagLine(flag: CompletionFlag, condition: string | undefined): string {
  return [
    "complete -c aer",
    ...(condition === undefined ? [] : [`-n ${quote(condition)}`]),
    `-l ${flag.long}`,
    ...(flag.short === undefined ? [] : [`-s ${flag.short}`]),
    ...(flag.completesFiles
      ? ["-rF"]
      : flag.completesContexts
        ? ["-xa '(__aer_contexts)'"]
        : flag.choices.length > 0
          ? [`-xa ${quote(flag.choices.join(" "))}`]
          : flag.takesValue
            ? ["-x"]
            : []),
    `-d ${quote(flag.summary)}`,
  ].join(" ");
}

/** In fish's single quotes only backslash and quote are special. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
