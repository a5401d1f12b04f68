/**
 * Named contexts, one for each machine: `~/.aurae/contexts/NAME.toml` is a configuration file like any other, and
 * `~/.aurae/current-context` names the one in use. Where there are none, the contract's search is all there is; the name
 * `default` always stands for that. Only reads; context-store.ts writes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { AuraeError, messageOf } from "../base/errors.ts";

/** Stands for the search of the contract, without a context. */
export const DEFAULT_CONTEXT = "default";
/** The variable of the environment that names a context. */
export const CONTEXT_VARIABLE = "AURAE_CONTEXT";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const EXTENSION = ".toml";

export interface ContextChoice {
  readonly name: string;
  /** What chose it, for messages. */
  readonly by: string;
}

export interface ContextSources {
  readonly home?: string | undefined;
  readonly context?: string | undefined;
  readonly environmentContext?: string | undefined;
}

/** The context that is to be used, if one is. @throws AuraeError for a name that can't be one */
export function chosenContext(sources: ContextSources): ContextChoice | undefined {
  const { home, context, environmentContext = "" } = sources;
  if (context !== undefined) {
    return { name: contextName(context), by: "asked for" };
  }
  if (environmentContext !== "") {
    return { name: contextName(environmentContext), by: CONTEXT_VARIABLE };
  }
  const current = currentContext(home);
  return current === undefined ? undefined : { name: current, by: "in use" };
}

/** @throws AuraeError `invalid_argument` */
export function contextName(text: string): string {
  if (!NAME.test(text)) {
    throw new AuraeError(
      "invalid_argument",
      `context "${text.slice(0, 64)}": a name has 1 to 63 letters, digits, ".", "_" and "-", and begins with a letter or digit`,
    );
  }
  return text;
}

/** The folder of a user's contexts. @throws AuraeError `failed_precondition` where there is no home */
export function contextsFolder(home: string | undefined): string {
  return `${auraeFolder(home)}/contexts`;
}

/** The file of a context. */
export function contextPath(home: string | undefined, name: string): string {
  return `${contextsFolder(home)}/${name}${EXTENSION}`;
}

/** The file that names the context in use. */
export function currentContextPath(home: string | undefined): string {
  return `${auraeFolder(home)}/current-context`;
}

function auraeFolder(home: string | undefined): string {
  if (home === undefined || home === "") {
    throw new AuraeError(
      "failed_precondition",
      "contexts are kept in the home, and HOME is not set",
    );
  }
  return `${home}/.aurae`;
}

/** The name of the context in use, if one is. @throws AuraeError for a file that names none */
export function currentContext(home: string | undefined): string | undefined {
  if (home === undefined || home === "") {
    return undefined;
  }
  const path = currentContextPath(home);
  try {
    return contextName(readFileSync(path, "utf8").trim());
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw new AuraeError(
      "failed_precondition",
      `read the context in use, "${path}": ${messageOf(error)}; choose one with "aer context use NAME"`,
      { resource: path, cause: error },
    );
  }
}

/** The names of all contexts but `default`, sorted. */
export function contextNames(home: string | undefined): readonly string[] {
  if (home === undefined || home === "") {
    return [];
  }
  try {
    return readdirSync(contextsFolder(home))
      .filter((file) => file.endsWith(EXTENSION))
      .map((file) => file.slice(0, -EXTENSION.length))
      .filter((name) => NAME.test(name) && name !== DEFAULT_CONTEXT)
      .sort();
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
}

/** The error for a context that is not there. */
export function unknownContext(home: string | undefined, { name, by }: ContextChoice): AuraeError {
  const names = contextNames(home);
  const known = names.length === 0 ? "there is none yet" : `there are ${names.join(", ")}`;
  return new AuraeError(
    "failed_precondition",
    `no context "${name}" (${by}): ${known}; make it with "aer context add ${name}", or choose another with "aer context use"`,
    { resource: name },
  );
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
