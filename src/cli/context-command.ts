/** `aer context`: lists, shows, chooses, makes and removes named contexts (client/contexts.ts). */
import { AuraeError, messageOf } from "../base/errors.ts";
import { addressText } from "../client/address.ts";
import { type ClientConfig, type ConfigSources, loadConfig } from "../client/config.ts";
import { addContext, removeContext, useContext } from "../client/context-store.ts";
import { chosenContext, contextName, contextNames, DEFAULT_CONTEXT } from "../client/contexts.ts";
import { readCredentials } from "../client/credentials.ts";
import { BUILTINS } from "./builtins.ts";
import { escapeJson, escapeText } from "../base/escape.ts";
import type { Globals } from "./globals.ts";
import { styleFrom } from "./render/style.ts";
import { renderTable } from "./render/table.ts";
import type { CliIo } from "./run.ts";
import { nearest } from "../base/suggest.ts";
import { UsageError } from "./usage-error.ts";

export interface ContextRequest {
  /** What stands after `aer context`. */
  readonly words: readonly string[];
  readonly force: boolean;
  readonly globals: Globals;
  readonly io: CliIo;
  readonly warn: (message: string) => void;
}

/** @throws UsageError, AuraeError */
export async function runContext(request: ContextRequest): Promise<void> {
  const [command = "", ...words] = request.words;
  if (request.force && command !== "add" && command !== "remove") {
    throw new UsageError("--force goes with add and remove only");
  }
  const { io } = request;
  const { HOME: home } = io.env;
  switch (command) {
    case "list":
      takeWords(words, 0, 0);
      return await io.stdout(list(request));
    case "show":
      return await io.stdout(show(request, takeWords(words, 0, 1)[0]));
    case "use": {
      const [name = ""] = takeWords(words, 1, 1);
      return useContext(home, contextName(name));
    }
    case "add": {
      const [name = ""] = takeWords(words, 1, 1);
      return await io.stdout(add(request, contextName(name)));
    }
    case "remove": {
      const [name = ""] = takeWords(words, 1, 1);
      const path = removeContext(home, contextName(name), request.force);
      return await io.stdout(`${escapeText(path)} is gone\n`);
    }
    default: {
      const names = BUILTINS.find(({ name }) => name === "context")?.commands ?? [];
      throw new UsageError(
        `no command "${command}"${nearest(
          command,
          names.map(({ name }) => name),
        )}`,
      );
    }
  }
}

function takeWords(words: readonly string[], least: number, most: number): readonly string[] {
  if (words.length < least) {
    throw new UsageError(`NAME is missing`);
  }
  if (words.length > most) {
    throw new UsageError(`"${words[most]}" is one word too many`);
  }
  return words;
}

function sourcesOf({ globals, io, warn }: ContextRequest): ConfigSources {
  return {
    home: io.env.HOME,
    environmentContext: io.env.AURAE_CONTEXT,
    overrides: globals.overrides,
    warn,
    ...(globals.config === undefined ? {} : { path: globals.config }),
    ...(globals.context === undefined ? {} : { context: globals.context }),
  };
}

/** The name of the context that a call would take now. */
function nameNow(request: ContextRequest): string {
  return chosenContext(sourcesOf(request))?.name ?? DEFAULT_CONTEXT;
}

/** The same, where the rest can be told without it: a file that names none is warned of. */
function nameNowIfAny(request: ContextRequest): string | undefined {
  try {
    return nameNow(request);
  } catch (error) {
    if (error instanceof AuraeError && error.kind === "failed_precondition") {
      request.warn(error.message);
      return undefined;
    }
    throw error;
  }
}

/** What is wrong with a context. */
interface Fault {
  readonly error: string;
  /** What is wrong with which file; nothing where no file is there. */
  readonly faults: readonly string[];
}

/** What a context says, or what is wrong with it. */
function read(request: ContextRequest, name: string): ClientConfig | Fault {
  const { home } = sourcesOf(request);
  const faults: string[] = [];
  try {
    return loadConfig({ home, context: name, warn: (message) => faults.push(message) });
  } catch (cause) {
    const error = messageOf(cause);
    return { error, faults: name === DEFAULT_CONTEXT ? faults : [error] };
  }
}

function list(request: ContextRequest): string {
  const { io, globals } = request;
  const now = nameNowIfAny(request);
  const all = [DEFAULT_CONTEXT, ...contextNames(io.env.HOME)].map((name) => ({
    name,
    inUse: name === now,
    config: read(request, name),
  }));
  if (globals.output === "json") {
    const values = all.map(({ config, ...it }) =>
      "error" in config ? { ...it, error: config.error } : { ...it, ...wordsOf(config) },
    );
    return `${escapeJson(JSON.stringify(values, undefined, 2))}\n`;
  }
  const rows = all.map(({ name, inUse, config }) => ({
    cells: [inUse ? "*" : "", name, ...cellsOf(config)],
  }));
  for (const { config } of all) {
    // A sentence would take the table apart.
    ("error" in config ? config.faults : []).forEach(request.warn);
  }
  const header = ["IN USE", "NAME", "SOCKET", "SERVER NAME", "FILE"];
  return renderTable(header, rows, styleFrom(io.env, io.isTerminal));
}

function cellsOf(config: ClientConfig | Fault): readonly string[] {
  if ("error" in config) {
    return [config.faults.length === 0 ? "(none)" : "(wrong)", "", ""];
  }
  const { socket, serverName, source } = wordsOf(config);
  return [socket, serverName, source];
}

function show(request: ContextRequest, asked: string | undefined): string {
  const sources = sourcesOf(request);
  const name = asked === undefined ? nameNow(request) : contextName(asked);
  const config = loadConfig(asked === undefined ? sources : { ...sources, context: name });
  const all = { name, inUse: name === nameNowIfAny(request), ...wordsOf(config) };
  return request.globals.output === "json"
    ? `${escapeJson(JSON.stringify(all, undefined, 2))}\n`
    : Object.entries(all)
        .map(
          ([key, value]) =>
            `${key.replace(/[A-Z]/g, (it) => `_${it.toLowerCase()}`).padEnd(11)}  ${escapeText(String(value))}\n`,
        )
        .join("");
}

function wordsOf({ source = "", address, serverName, paths }: ClientConfig) {
  return { source, socket: addressText(address), serverName, ...paths };
}

/** Checks that the files are there, so that a mistake is told now and not at the first call. */
function add(request: ContextRequest, name: string): string {
  const config = loadConfig(sourcesOf(request));
  readCredentials(config.paths);
  const path = addContext(request.io.env.HOME, name, config, request.force);
  return `${escapeText(path)}\n`;
}
