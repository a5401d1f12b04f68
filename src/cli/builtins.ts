/**
 * The commands of `aer` that stand for no group of methods: which there are, their words and their flags. What they do is
 * loaded when they are run.
 */
import { flag, type FlagSpec } from "./flags.ts";

export interface BuiltinCommand {
  readonly name: string;
  readonly summary: string;
  /** The words after its name. */
  readonly usage?: string;
  readonly takesContext?: boolean;
}

export interface Builtin {
  readonly name: "call" | "context" | "completion" | "help";
  /** The words after its name, for one without commands. */
  readonly usage?: string;
  /** In paragraphs, the first of which says it in short. */
  readonly text: readonly string[];
  readonly commands: readonly BuiltinCommand[];
  readonly flags: readonly FlagSpec[];
}

export const FORCE = flag(
  "force",
  "With add: replace a context of that name. With remove: remove it even if it is in use.",
);

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export const BUILTINS: readonly Builtin[] = [
  {
    name: "call",
    usage: "<METHOD> [JSON|-]...",
    text: [
      "Calls any method by its name, with messages in JSON, as `aurae.cells.v0.CellService/List` or `CellService/List`.",
      "A method with one request takes one JSON text; left out, it is `{}`. One with a stream of requests takes any number of them, one after the other. In place of JSON, `-` reads standard input: for one request all of it, for a stream a message a line, each sent as it comes. Without words, a stream is read from there.",
      "Answers are written as JSON, a line each in a stream, unless `--output table` is given.",
    ],
    commands: [],
    flags: [],
  },
  {
    name: "context",
    text: [
      "Named contexts: where other daemons are, and which certificates to show them.",
      "A context is a configuration file in `~/.aurae/contexts`. It goes before the search for a configuration file: the one that `--context` names, or else AURAE_CONTEXT, or else the one in use. The name `default` stands for that search.",
    ],
    commands: [
      { name: "list", summary: "Shows all contexts, and which is in use." },
      {
        name: "use",
        usage: "<NAME>",
        summary:
          "Has every later call go to a context; `default` for the configuration file that is found.",
        takesContext: true,
      },
      {
        name: "show",
        usage: "[NAME]",
        summary: "Shows what a context says. Left out: the one that a call would take now.",
        takesContext: true,
      },
      {
        name: "add",
        usage: "<NAME>",
        summary:
          "Makes a context of --socket, --ca-crt, --client-crt, --client-key and --server-name; what is left out is as in the configuration that a call would take now, which --config names, too.",
      },
      { name: "remove", usage: "<NAME>", summary: "Forgets a context.", takesContext: true },
    ],
    flags: [FORCE],
  },
  {
    name: "completion",
    text: ["Writes the completion script for a shell."],
    commands: SHELLS.map((name) => ({ name, summary: `The script for ${name}.` })),
    flags: [],
  },
  {
    name: "help",
    usage: "[GROUP [COMMAND]]",
    text: ["Shows the help of a group or a command."],
    commands: [],
    flags: [],
  },
];

export function findBuiltin(name: string): Builtin | undefined {
  return BUILTINS.find((it) => it.name === name);
}
