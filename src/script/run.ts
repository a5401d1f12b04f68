/**
 * `auraescript` from its words to a script that has run. The process, its streams and its end are handed in: a script goes
 * on as long as it has something to wait for, so its module being there is not the end.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AuraeError, messageOf } from "../base/errors.ts";
import { CONTEXT_VARIABLE } from "../client/contexts.ts";
import { configure } from "../library/settings.ts";
import { type ClientFlags, parseScriptArgs, USAGE } from "./command-line.ts";
import { modulePath, provideModules, provideRuntimeGlobal, type TextScript } from "./modules.ts";
import { escapeLines } from "../base/escape.ts";

export interface ScriptIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input. */
  readonly readStdin: () => Promise<string>;
  /** Whether standard input is a terminal. */
  readonly isTerminal: boolean;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Has the process look as if the script was what it was started with, and its module what was run first. */
  readonly become: (script: string, args: readonly string[], module: string) => void;
}

/** What loads as it is; a file of any other name, or of none, is TypeScript. */
const LOADED_BY_NAME = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"]);

/** A script longer than this is none. */
const SCRIPT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Runs what the words say.
 *
 * @returns an exit code; none where a script has been started and its own end counts
 * @throws what the script throws while its modules run
 */
export async function runAuraescript(
  words: readonly string[],
  io: ScriptIo,
): Promise<number | undefined> {
  let script: FoundScript;
  try {
    const command = parseScriptArgs(words);
    switch (command.kind) {
      case "help":
        io.stdout(USAGE);
        return 0;
      case "version":
        io.stdout(`auraescript ${io.version}\n`);
        return 0;
      case "check": {
        const { runCheck } = await import("./check.ts");
        return await runCheck(command.words, io);
      }
      case "init": {
        const { runInit } = await import("./init.ts");
        return runInit(command.words, io);
      }
      case "run":
        useClientFlags(command.client, io);
        if (command.script === undefined && io.isTerminal) {
          const { runPrompt } = await import("./prompt.ts");
          return await runPrompt(io);
        }
        script = await find(command.script, io);
        io.become(script.path, command.args, script.text?.path ?? script.path);
    }
  } catch (error) {
    if (error instanceof AuraeError) {
      io.stderr(`auraescript: ${escapeLines(error.message)}\n`);
      return error.kind === "invalid_argument" ? 2 : 1;
    }
    throw error;
  }
  await load(script);
  return undefined;
}

function useClientFlags({ config, context, overrides }: ClientFlags, io: ScriptIo): void {
  configure({
    config,
    context,
    environmentContext: io.env[CONTEXT_VARIABLE],
    overrides,
    home: io.env.HOME,
    warn: (message) => io.stderr(`auraescript: warning: ${escapeLines(message)}\n`),
  });
}

interface FoundScript {
  readonly path: string;
  /** Where it can't be loaded by its path. */
  readonly text?: TextScript;
}

async function find(name: string | undefined, io: ScriptIo): Promise<FoundScript> {
  if (name === undefined || name === "-") {
    // Beside what it is piped by, so that its imports are found from there.
    return asText(resolve(io.cwd, "[stdin].ts"), await io.readStdin());
  }
  const path = resolve(io.cwd, name);
  if (!existsSync(path)) {
    throw new AuraeError("not_found", `cannot run "${name}": no such file`);
  }
  const found = statSync(path);
  if (found.isDirectory()) {
    throw new AuraeError("failed_precondition", `cannot run "${name}": it is a directory`);
  }
  if (found.size > SCRIPT_MAX_BYTES) {
    throw new AuraeError(
      "failed_precondition",
      `cannot run "${name}": it has ${found.size} bytes, and ${SCRIPT_MAX_BYTES} is the most`,
    );
  }
  try {
    return LOADED_BY_NAME.has(extname(path)) && modulePath(path) === path
      ? { path }
      : asText(path, readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AuraeError("failed_precondition", `cannot run "${name}": ${messageOf(cause)}`, {
      cause,
    });
  }
}

function asText(path: string, text: string): FoundScript {
  return { path, text: { path: modulePath(path), text } };
}

async function load({ path, text }: FoundScript): Promise<void> {
  provideRuntimeGlobal();
  provideModules(text);
  await import(text === undefined ? pathToFileURL(path).href : text.path);
}
