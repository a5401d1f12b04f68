/**
 * The texts of `--help` at each level, made from the command tree.
 */
import { defaultSearchPaths } from "../client/config.ts";
import { CONTEXT_VARIABLE } from "../client/contexts.ts";
import { type Builtin, BUILTINS } from "./builtins.ts";
import { type Command, commandNames, commandsOf } from "./commands.ts";
import { EXIT_CODES, PROCESS_EXIT } from "./exit-codes.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "./flags.ts";
import type { CommandGroup } from "./groups.ts";
import { flagsOf } from "./parse.ts";
import { commandText, firstSentence, flagText } from "./texts.ts";

const WIDTH = 100;
/** A flag this long or longer gets its summary on the next line. */
const NAME_MAX = 36;

export function topHelp(groups: readonly CommandGroup[]): string {
  return [
    "aer: the command line of auraed",
    "",
    "Usage: aer [flags] <group> <command> [arguments] [flags]",
    "       aer call <method> [json]...",
    "       aer context <command>",
    "",
    "Groups:",
    ...rows(groups.map((group) => [group.name, commandNames(group).join(", ")])),
    "",
    "And:",
    ...rows(BUILTINS.map(({ name, text }) => [name, firstSentence(text[0] ?? "")])),
    "",
    ...globalHelp(),
    "",
    "Configuration (TOML: [auth] ca_crt, client_crt, client_key, server_name; [system] socket):",
    ...defaultSearchPaths("~").map((path) => `  ${path}`),
    `A context goes before these: --context, ${CONTEXT_VARIABLE}, or that of "aer context use".`,
    "",
    "Exit codes:",
    ...rows(EXIT_CODES.map(({ code, meaning }) => [String(code), meaning])),
    ...wrapped(PROCESS_EXIT, 2).map((line) => `  ${line}`),
    "",
  ].join("\n");
}

export function groupHelp(group: CommandGroup): string {
  return [
    `Usage: aer ${group.name} <command> [arguments] [flags]`,
    "",
    "Commands:",
    ...rows(commandsOf(group).map((it) => [it.name, firstSentence(commandText(it)[0] ?? "")])),
    "",
    `"aer ${group.name} <command> --help" tells more.`,
    "",
  ].join("\n");
}

/** Of a command that stands for no group. */
export async function builtinHelp(builtin: Builtin): Promise<string> {
  const { name, usage, text, commands, flags } = builtin;
  const methods = name === "call" ? (await import("./methods.ts")).methodPaths() : [];
  return [
    ...text.flatMap((paragraph) => [...wrapped(paragraph, 0), ""]),
    `Usage: aer ${name} ${usage ?? "<command> [arguments]"} [flags]`,
    "",
    ...(commands.length === 0
      ? []
      : [
          "Commands:",
          ...rows(commands.map((it) => [[it.name, it.usage ?? ""].join(" ").trim(), it.summary])),
          "",
        ]),
    ...(methods.length === 0 ? [] : ["Methods:", ...methods.map((path) => `  ${path}`), ""]),
    ...(flags.length === 0 ? [] : ["Flags:", ...rows(flags.map(flagRow)), ""]),
    ...globalHelp(),
    "",
  ].join("\n");
}

/** `aer cell free <CELL_NAME> [flags]`. */
export function commandUsage(command: Command): string {
  const words = command.positionals.map(({ name, default: value, omittedBy }) =>
    omittedBy !== undefined
      ? `<${name}|--${omittedBy.name}>`
      : value === undefined
        ? `<${name}>`
        : `[${name}]`,
  );
  const required = flagsOf(command).filter((flag) => flag.required === true);
  const all = ["aer", command.group, command.name, ...words, ...required.map(flagUse)];
  return `${all.join(" ")} [flags]${restUse(command)}`;
}

export function commandHelp(command: Command): string {
  const { positionals } = command;
  const own = flagsOf(command);
  return [
    ...commandText(command).flatMap((paragraph) => [...wrapped(paragraph, 0), ""]),
    `Usage: ${commandUsage(command)}`,
    "",
    ...(positionals.length === 0
      ? []
      : [
          "Arguments:",
          ...rows(positionals.map((one) => [one.name, flagWords(one.flag, one.default)])),
          "",
        ]),
    ...(own.length === 0 ? [] : ["Flags:", ...rows(own.map(flagRow)), ""]),
    ...globalHelp(),
    "",
  ].join("\n");
}

function globalHelp(): readonly string[] {
  return ["Flags of every command:", ...rows(GLOBAL_FLAG_LIST.map(flagRow))];
}

/** Where the words after `--` go. */
function restUse({ rest, exactlyOne }: Command): string {
  if (rest === undefined) {
    return "";
  }
  return exactlyOne === undefined ? " -- PROGRAM [ARG]..." : " {-c LINE | -- PROGRAM [ARG]...}";
}

function flagUse(flag: FlagSpec): string {
  return `--${flag.name} <${flag.valueName ?? ""}>`;
}

function flagRow(flag: FlagSpec): readonly [string, string] {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.valueName === undefined ? "" : ` <${flag.valueName}>`;
  return [`${short}--${flag.name}${value}`, flagWords(flag, flag.default)];
}

/** What a flag or a positional is, and what its values may be. */
export function flagWords(flag: FlagSpec, fallback: string | undefined): string {
  const notes = [
    ...(flag.choices === undefined ? [] : [`one of ${flag.choices.join(", ")}`]),
    ...(flag.required === true ? ["required"] : []),
    ...(flag.repeated === true ? ["may be repeated"] : []),
    ...(flag.valueName?.endsWith("BYTES") === true ? ["K, M, G and T are powers of 1024"] : []),
    ...(fallback === undefined || fallback === "" ? [] : [`default ${fallback}`]),
  ];
  return [flagText(flag), ...(notes.length === 0 ? [] : [`[${notes.join("; ")}]`])]
    .filter((part) => part !== "")
    .join(" ");
}

function rows(entries: readonly (readonly [string, string])[]): readonly string[] {
  const width = entries.reduce(
    (most, [name]) => (name.length < NAME_MAX ? Math.max(most, name.length) : most),
    0,
  );
  const indent = width + 4;
  return entries.flatMap(([name, text]) => {
    const lines = wrapped(text, indent);
    return name.length > width
      ? [`  ${name}`, ...lines.map((line) => " ".repeat(indent) + line)]
      : lines.length === 0
        ? [`  ${name}`]
        : lines.map((line, at) =>
            at === 0 ? `  ${name.padEnd(width)}  ${line}` : " ".repeat(indent) + line,
          );
  });
}

function wrapped(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}
