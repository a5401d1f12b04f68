import { expect, test } from "bun:test";
import { parseScriptArgs, type ScriptCommand } from "./command-line.ts";

const run = (
  script: string | undefined,
  args: string[] = [],
  client: Partial<Extract<ScriptCommand, { kind: "run" }>["client"]> = {},
): ScriptCommand => ({
  kind: "run",
  script,
  args,
  client: { config: undefined, context: undefined, overrides: {}, ...client },
});

const COMMANDS: readonly [words: string[], command: ScriptCommand][] = [
  [[], run(undefined)],
  [["a.ts"], run("a.ts")],
  [["a.ts", "--help", "-x", "check"], run("a.ts", ["--help", "-x", "check"])],
  [["-", "a"], run("-", ["a"])],
  [["--", "-a.ts"], run("-a.ts")],
  [["--", "check"], run("check")],
  [["./check"], run("./check")],
  [["--config", "c", "a.ts"], run("a.ts", [], { config: "c" })],
  [["--context", "b", "a.ts"], run("a.ts", [], { context: "b" })],
  [
    ["--socket=/s", "--client-key", "k", "a.ts", "b"],
    run("a.ts", ["b"], { overrides: { socket: "/s", clientKey: "k" } }),
  ],
  [["--help", "a.ts"], { kind: "help" }],
  [["-V"], { kind: "version" }],
  [["check", "a.ts", "b.ts"], { kind: "check", words: ["a.ts", "b.ts"] }],
  [["init"], { kind: "init", words: [] }],
];

test.each(COMMANDS)("parseScriptArgs of %j", (words, command) => {
  expect(parseScriptArgs(words)).toEqual(command);
});

const WRONG: readonly [words: string[], message: string][] = [
  [["--confg", "c"], 'no flag "--confg"; did you mean "--config"?'],
  [["--config"], "--config: want a value"],
  [["--config="], "--config: want a value"],
  [["--help=1"], 'no flag "--help"'],
  [["-x"], 'no flag "-x"'],
  [["--config", "c", "--context", "b", "a.ts"], "a configuration file or a context, not both"],
];

test.each(WRONG)("parseScriptArgs refuses %j", (words, message) => {
  expect(() => parseScriptArgs(words)).toThrow(message);
});
