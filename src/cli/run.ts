/**
 * `aer` from its words to its exit code. Owns the order of things; the terminal, the environment and the signal of
 * Ctrl-C are handed in.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { addressText } from "../client/address.ts";
import { loadConfig, type ClientConfig } from "../client/config.ts";
import { CONTEXT_VARIABLE } from "../client/contexts.ts";
import { readCredentials } from "../client/credentials.ts";
import {
  createDuplexTransport,
  createTransport,
  type TransportOptions,
} from "../client/transport.ts";
import { AuraeError, messageOf } from "../base/errors.ts";
import { assignmentsFrom } from "./assignments.ts";
import { type Builtin, findBuiltin, FORCE } from "./builtins.ts";
import { call } from "./call.ts";
import { type Command, findCommand } from "./commands.ts";
import { errorLines } from "./error-lines.ts";
import { escapeText } from "../base/escape.ts";
import { EXIT, exitCodeFor } from "./exit-codes.ts";
import type { FlagSpec } from "./flags.ts";
import { type Globals, globalsFrom } from "./globals.ts";
import { loadGroups } from "./groups.ts";
import type { Host } from "./interactive/host.ts";
import type { Tool } from "./interactive/tool.ts";
import { type ParsedLine, parseLine, whereOf } from "./parse.ts";
import { answerRenderer } from "./render/answers.ts";
import { styleFrom } from "./render/style.ts";
import { requestFrom } from "./request.ts";
import { UsageError } from "./usage-error.ts";

export interface CliIo {
  /** Rejects with EPIPE when nobody reads any more. */
  readonly stdout: (text: string | Uint8Array) => Promise<void>;
  readonly stderr: (text: string | Uint8Array) => Promise<void>;
  /** Standard input, the terminal and the signals, for the commands that use them. */
  readonly host: () => Promise<Host>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** Runs one command line and answers with the exit code (exit-codes.ts). Throws nothing. */
export async function runAer(argv: readonly string[], io: CliIo): Promise<number> {
  const say = async (lines: readonly string[]): Promise<void> =>
    await io.stderr(lines.map((line) => `aer: ${line}\n`).join(""));
  let where = "";
  try {
    const line = parseLine(argv, await loadGroups(argv));
    where = whereOf(line);
    return await dispatch(line, globalsFrom(line.flags), io, say);
  } catch (error) {
    const place = error instanceof UsageError ? (error.where ?? where) : where;
    return await report(error, place, io, say).catch(() => EXIT.failed);
  }
}

type Say = (lines: readonly string[]) => Promise<void>;

async function dispatch(line: ParsedLine, globals: Globals, io: CliIo, say: Say): Promise<number> {
  const { group, command, builtin } = line;
  if (globals.wantsVersion) {
    await io.stdout(`aer ${io.version}\n`);
    return EXIT.ok;
  }
  if (globals.wantsHelp || builtin?.name === "help") {
    await io.stdout(await helpText(line));
    return EXIT.ok;
  }
  if (builtin !== undefined && (line.words.length > 0 || builtin.name === "completion")) {
    return await runBuiltin(line, builtin, globals, io, say);
  }
  if (command === undefined) {
    const help = await import("./help.ts");
    await io.stderr(
      builtin !== undefined
        ? await help.builtinHelp(builtin)
        : group === undefined
          ? help.topHelp(await loadGroups())
          : help.groupHelp(group),
    );
    return EXIT.usage;
  }
  return await runCommand(command, line, globals, io, say);
}

async function runBuiltin(
  { words, flags }: ParsedLine,
  { name }: Builtin,
  globals: Globals,
  io: CliIo,
  say: Say,
): Promise<number> {
  if (name === "completion") {
    await io.stdout(await completionText(words));
    return EXIT.ok;
  }
  if (name === "context") {
    const warnings: string[] = [];
    const force = flags.some(({ spec, text }) => spec === FORCE && text !== "false");
    const { runContext } = await import("./context-command.ts");
    try {
      await runContext({ words, force, globals, io, warn: (it) => warnings.push(it) });
    } finally {
      await say(warnings.map((it) => escapeText(`warning: ${it}`)));
    }
    return EXIT.ok;
  }
  return await runCall(words, globals, io, say);
}

/** `aer call METHOD [JSON|-]...`. */
async function runCall(
  [named = "", ...words]: readonly string[],
  globals: Globals,
  io: CliIo,
  say: Say,
): Promise<number> {
  const { findMethod } = await import("./methods.ts");
  const { callMethod, requestsFrom, takesStream } = await import("./call-method.ts");
  const what = {
    method: findMethod(named),
    words,
    output: globals.hasOutput ? globals.output : "json",
    options: { signal: io.signal, timeoutMs: globals.timeoutMs },
  } as const;
  const requests = requestsFrom(what, io);
  const target = await targetFor(globals, io, say);
  using transport = takesStream(what.method)
    ? await createDuplexTransport(target)
    : createTransport(target);
  await callMethod(what, requests, transport, io);
  return EXIT.ok;
}

/** Where to call, and with what; said if that was asked for. */
async function targetFor(globals: Globals, io: CliIo, say: Say): Promise<TransportOptions> {
  const config = await configFor(globals, io, say);
  if (globals.isVerbose) {
    const { source = "none", serverName, address } = config;
    await say([escapeText(`config ${source}, server "${serverName}" at ${addressText(address)}`)]);
  }
  return { ...config, credentials: readCredentials(config.paths) };
}

async function runCommand(
  command: Command,
  line: ParsedLine,
  globals: Globals,
  io: CliIo,
  say: Say,
): Promise<number> {
  const assignments = assignmentsFrom(command, line.words, line.flags, line.rest);
  const request = requestFrom(command, assignments);
  const load = toolOf(command, line);
  const target = await targetFor(globals, io, say);
  const { method } = command;
  const where = whereOf(line);
  using transport = createTransport(target);
  if (load !== undefined) {
    const tool = await load();
    return await tool({
      request: request.message,
      io,
      output: globals.output,
      timeoutMs: globals.timeoutMs,
      flag: (spec) => givenText(line, spec),
      transport,
      duplex: async () => await createDuplexTransport(target),
      host: io.host,
      say: async (...lines) => await say(lines.map((text) => escapeText(`${where}: ${text}`))),
    });
  }
  const form = {
    output: globals.output,
    isStream: method.methodKind !== "unary",
    style: styleFrom(io.env, io.isTerminal),
  };
  const options = { signal: io.signal, timeoutMs: globals.timeoutMs };
  const render = await answerRenderer(method.output);
  let code: number = EXIT.ok;
  for await (const answer of call(transport, method, request.message, options)) {
    await io.stdout(render(answer, form));
    code = command.exitCode(answer);
  }
  return code;
}

/** A switch that is off is not given. */
function givenText({ flags }: ParsedLine, spec: FlagSpec): string | undefined {
  const text = flags.find((one) => one.spec === spec)?.text;
  return spec.valueName === undefined && text === "false" ? undefined : text;
}

/** What is done in place of one call. */
function toolOf({ tool, extras }: Command, line: ParsedLine): (() => Promise<Tool>) | undefined {
  const only = tool?.onlyWith;
  if (only === undefined || givenText(line, only) !== undefined) {
    return tool?.load;
  }
  const useless = extras.find((spec) => givenText(line, spec) !== undefined);
  if (useless !== undefined) {
    throw new UsageError(`--${useless.name} goes with --${only.name} only`);
  }
  return undefined;
}

/** The warnings are said before the failure, which often follows from what they name. */
async function configFor(globals: Globals, io: CliIo, say: Say): Promise<ClientConfig> {
  const warnings: string[] = [];
  try {
    return loadConfig({
      ...(globals.config === undefined ? {} : { path: globals.config }),
      context: globals.context,
      environmentContext: io.env[CONTEXT_VARIABLE],
      home: io.env.HOME,
      overrides: globals.overrides,
      warn: (message) => warnings.push(escapeText(`warning: ${message}`)),
    });
  } finally {
    if (warnings.length > 0) {
      await say(warnings);
    }
  }
}

async function report(error: unknown, where: string, io: CliIo, say: Say): Promise<number> {
  const prefix = where === "" ? "" : `${where}: `;
  if (io.signal.aborted) {
    return EXIT.interrupted;
  }
  if (error instanceof UsageError) {
    const help = where === "" ? "aer --help" : `aer ${where} --help`;
    await say([`${prefix}${escapeText(error.message)}`, `try "${help}"`]);
    return EXIT.usage;
  }
  if (error instanceof AuraeError) {
    await say([`${prefix}${escapeText(error.message)}`]);
    return EXIT.usage;
  }
  if ((error as NodeJS.ErrnoException).code === "EPIPE") {
    return EXIT.brokenPipe;
  }
  if (error instanceof ConnectError) {
    await say(errorLines(error).map((text) => prefix + text));
    return exitCodeFor(error.code);
  }
  await say([`${prefix}${escapeText(messageOf(error))}`]);
  return exitCodeFor(Code.Internal);
}

async function completionText(words: readonly string[]): Promise<string> {
  switch (words.length === 1 ? words[0] : undefined) {
    case "bash":
      return (await import("./completion/bash.ts")).bashCompletion(await loadGroups());
    case "zsh":
      return (await import("./completion/zsh.ts")).zshCompletion(await loadGroups());
    case "fish":
      return (await import("./completion/fish.ts")).fishCompletion(await loadGroups());
    default:
      throw new UsageError("name one shell: bash, zsh or fish");
  }
}

/** For `aer help cell allocate` as for `aer cell allocate --help`. */
async function helpText({ group, command, builtin, words }: ParsedLine): Promise<string> {
  const help = await import("./help.ts");
  if (builtin !== undefined && builtin.name !== "help") {
    return await help.builtinHelp(builtin);
  }
  const [first, second] = group === undefined ? words : [];
  const about = group ?? (first === undefined ? undefined : (await loadGroups([first]))[0]);
  if (about === undefined) {
    const other = first === undefined ? undefined : findBuiltin(first);
    if (first !== undefined && other === undefined) {
      throw new UsageError(`no command "${first}"`);
    }
    return other === undefined ? help.topHelp(await loadGroups()) : await help.builtinHelp(other);
  }
  const what = command ?? (second === undefined ? undefined : findCommand(about, second));
  if (what === undefined && second !== undefined) {
    throw new UsageError(`${about.name}: no command "${second}"`);
  }
  return what === undefined ? help.groupHelp(about) : help.commandHelp(what);
}
