/** The manual pages of `aer`, from the table of its commands and the words of its help. */
import { type Builtin, BUILTINS } from "../../src/cli/builtins.ts";
import { type Command, commandsOf } from "../../src/cli/commands.ts";
import { EXIT_CODES, PROCESS_EXIT } from "../../src/cli/exit-codes.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "../../src/cli/flags.ts";
import { commandUsage, flagWords } from "../../src/cli/help.ts";
import { methodPaths } from "../../src/cli/methods.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { commandText, firstSentence } from "../../src/cli/texts.ts";
import { defaultSearchPaths } from "../../src/client/config.ts";
import { CONTEXT_VARIABLE } from "../../src/client/contexts.ts";
import { type CommandGroup, loadGroups } from "../../src/cli/groups.ts";
import { type Comments, withoutName } from "../reference/comments.ts";
import { entry, heading, type Page, paragraph, references, subheading, verbatim } from "./roff.ts";

const GROUPS = await loadGroups();

/** Those that have a page of their own. */
const OWN_PAGE: readonly Builtin["name"][] = ["call", "context"];

export function aerPages(comments: Comments, version: string): readonly Page[] {
  const names = [...GROUPS.map(({ name }) => name), ...OWN_PAGE];
  return [
    mainPage(version, names),
    ...GROUPS.map((group) => groupPage(group, comments, version)),
    ...BUILTINS.filter(({ name }) => OWN_PAGE.includes(name)).map((it) => builtinPage(it, version)),
  ];
}

function mainPage(version: string, names: readonly string[]): Page {
  return {
    ...{ name: "aer", section: 1, version },
    summary: "the command line client of auraed",
    blocks: [
      heading("synopsis"),
      verbatim(["aer [flags] GROUP COMMAND [arguments] [flags]", ...BUILTINS.map(synopsisOf)]),
      heading("description"),
      paragraph(
        "`aer` calls the API of an auraed(8): there is a command for each of its methods, with a flag for each field of the request. Answers go to standard output, errors to standard error.",
      ),
      paragraph(
        "Flags may stand anywhere: `--flag VALUE`, `--flag=VALUE`, `-f VALUE`; `--` ends them.",
      ),
      heading("commands"),
      ...GROUPS.flatMap((group) => [
        subheading(`aer ${group.name}`),
        ...commandsOf(group).map((it) => entry(it.name, firstSentence(commandText(it)[0] ?? ""))),
      ]),
      subheading("and"),
      ...BUILTINS.map(({ name, text, commands }) =>
        entry([name, commands.map((it) => it.name).join("|")].join(" ").trim(), text[0] ?? ""),
      ),
      heading("flags of every command"),
      ...GLOBAL_FLAG_LIST.map(flagEntry),
      heading("files"),
      paragraph(
        "TOML: a table `[auth]` with `ca_crt`, `client_crt`, `client_key` and `server_name`, and a table `[system]` with `socket`. The first of these that is right is taken:",
      ),
      verbatim(defaultSearchPaths("~")),
      entry("~/.aurae/contexts/NAME.toml", "The same under a name: see aer-context(1)."),
      heading("environment"),
      entry(CONTEXT_VARIABLE, "The context to use, unless `--context` or `--config` is given."),
      entry("NO_COLOR", "No colours, whatever its value."),
      heading("exit status"),
      ...EXIT_CODES.map(({ code, meaning }) => entry(`${code}`, meaning)),
      paragraph(PROCESS_EXIT),
      ...seeAlso([...names.map((name) => `aer-${name}(1)`), "auraescript(1)", "auraed(8)"]),
    ],
  };
}

function synopsisOf({ name, usage, commands }: Builtin): string {
  return ["aer", name, usage ?? `{${commands.map((it) => it.name).join("|")}}`].join(" ");
}

function groupPage(group: CommandGroup, comments: Comments, version: string): Page {
  const { name, service } = group;
  const paragraphs = (comments.get(service.typeName) ?? "").split("\n\n");
  const commands = commandsOf(group);
  return {
    ...{ name: `aer-${name}`, section: 1, version },
    summary: withoutName(paragraphs[0] ?? "", service.name)
      .replace(/^[A-Z]/, (it) => it.toLowerCase())
      .replace(/\.$/, ""),
    blocks: [
      heading("synopsis"),
      verbatim(commands.map(commandUsage)),
      heading("description"),
      ...paragraphs.map(paragraph),
      heading("commands"),
      ...commands.flatMap(commandBlocks),
      ...seeAlso(["aer(1)", "auraed(8)"]),
    ],
  };
}

function commandBlocks(command: Command): readonly string[] {
  const own = flagsOf(command);
  return [
    subheading(commandUsage(command)),
    ...commandText(command).map(paragraph),
    ...command.positionals.map((it) => entry(it.name, flagWords(it.flag, it.default))),
    ...own.map(flagEntry),
  ];
}

function builtinPage(builtin: Builtin, version: string): Page {
  const { name, text, commands, flags } = builtin;
  const usages =
    commands.length === 0
      ? [synopsisOf(builtin)]
      : commands.map((it) => ["aer", name, it.name, it.usage ?? ""].join(" ").trim());
  return {
    ...{ name: `aer-${name}`, section: 1, version },
    summary: firstSentence(text[0] ?? "")
      .replace(/^[A-Z]/, (it) => it.toLowerCase())
      .replace(/\.$/, ""),
    blocks: [
      heading("synopsis"),
      verbatim(usages),
      heading("description"),
      ...text.map(paragraph),
      ...(commands.length === 0 ? [] : [heading("commands")]),
      ...commands.map((it) => entry([it.name, it.usage ?? ""].join(" ").trim(), it.summary)),
      ...(name === "call" ? [heading("methods"), verbatim(methodPaths())] : []),
      ...(flags.length === 0 ? [] : [heading("flags"), ...flags.map(flagEntry)]),
      ...seeAlso(["aer(1)", "auraed(8)"]),
    ],
  };
}

function flagEntry(flag: FlagSpec): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const value = flag.valueName === undefined ? "" : ` ${flag.valueName}`;
  return entry(`${short}--${flag.name}${value}`, flagWords(flag, flag.default));
}

function seeAlso(names: readonly string[]): readonly string[] {
  return [heading("see also"), references(names)];
}
