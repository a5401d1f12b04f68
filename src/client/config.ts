/**
 * The client's configuration: which file, what it says, and what the command line says over it. The environment is
 * handed in. A named context (contexts.ts) goes before the contract's search. Reads the configuration file only; the PEM
 * files it names are read by credentials.ts.
 */
import { readFileSync } from "node:fs";
import { AuraeError, messageOf } from "../base/errors.ts";
import { type Address, parseAddress } from "./address.ts";
import { chosenContext, contextPath, DEFAULT_CONTEXT, unknownContext } from "./contexts.ts";
import { type CredentialPaths, DEFAULT_SERVER_NAME } from "./credentials.ts";
import { parseToml } from "./toml.ts";

/** The daemon's own default socket, for a configuration that names none. */
export const DEFAULT_SOCKET = "/var/run/aurae/aurae.sock";

export interface ClientConfig {
  readonly paths: CredentialPaths;
  readonly address: Address;
  readonly serverName: string;
  /** The file it came from; none when the overrides said it all. */
  readonly source: string | undefined;
  /** The named context that it is, if it is one. */
  readonly context?: string;
}

/** What is said over the file; values as the user wrote them. */
export interface ConfigOverrides {
  readonly caCrt?: string;
  readonly clientCrt?: string;
  readonly clientKey?: string;
  readonly socket?: string;
  readonly serverName?: string;
}

export interface ConfigSources {
  /** This file and no other. */
  readonly path?: string;
  /** The context asked for; `default` for none, whichever is in use. */
  readonly context?: string | undefined;
  /** What AURAE_CONTEXT says; counts where neither a file nor a context was asked for. */
  readonly environmentContext?: string | undefined;
  /** The user's home, when there is one. */
  readonly home?: string | undefined;
  readonly overrides?: ConfigOverrides;
  /** Told of a file that was passed over and of keys that mean nothing. */
  readonly warn: (message: string) => void;
  /** Where to look; the contract's three places unless told otherwise. */
  readonly searchPaths?: readonly string[];
}

/** The contract's search order. */
export function defaultSearchPaths(home: string | undefined): readonly string[] {
  const system = ["/etc/aurae/config", "/var/lib/aurae/config"];
  return home === undefined || home === "" ? system : [`${home}/.aurae/config`, ...system];
}

const SECTIONS = {
  auth: {
    ca_crt: "caCrt",
    client_crt: "clientCrt",
    client_key: "clientKey",
    server_name: "serverName",
  },
  system: { socket: "socket" },
} as const satisfies Record<string, Record<string, keyof ConfigOverrides>>;

const REQUIRED = [
  ["caCrt", "ca_crt"],
  ["clientCrt", "client_crt"],
  ["clientKey", "client_key"],
] as const;

const REMEDY = 'make one with "auraed pki --config FILE"';

/**
 * Finds the configuration: the file asked for; the context asked for, by name or by the environment, or else the one in
 * use; or the first of the search path that is right. A file there that is wrong is warned of and passed over, as the
 * original does; a context that is wrong is not. Where none is right, the overrides may say it all.
 *
 * @throws AuraeError `failed_precondition` or `invalid_argument`
 */
export function loadConfig(sources: ConfigSources): ClientConfig {
  const { home, overrides = {}, warn } = sources;
  if (sources.path !== undefined) {
    if (sources.context !== undefined) {
      throw new AuraeError("invalid_argument", "give a configuration file or a context, not both");
    }
    const text = readConfig(sources.path);
    if (text === undefined) {
      throw broken(sources.path, `no such file; ${REMEDY}`);
    }
    return configFrom(text, sources.path, overrides, home, warn);
  }
  const choice = chosenContext(sources);
  if (choice !== undefined && choice.name !== DEFAULT_CONTEXT) {
    const path = contextPath(home, choice.name);
    const text = readConfig(path);
    if (text === undefined) {
      throw unknownContext(home, choice);
    }
    return { ...configFrom(text, path, overrides, home, warn), context: choice.name };
  }
  const candidates = sources.searchPaths ?? defaultSearchPaths(home);
  let isOneWrong = false;
  for (const path of candidates) {
    try {
      const text = readConfig(path);
      if (text !== undefined) {
        return configFrom(text, path, overrides, home, warn);
      }
    } catch (error) {
      isOneWrong = true;
      const fault = messageOf(error).replace(faultPrefix(path), "");
      warn(`failed to parse config at ${path}: ${fault}`);
    }
  }
  if (REQUIRED.every(([field]) => overrides[field] !== undefined)) {
    return complete(overrides, undefined, home);
  }
  const remedy = isOneWrong ? `mend what the warnings name, or ${REMEDY}` : REMEDY;
  throw new AuraeError(
    "failed_precondition",
    `unable to find valid config file: looked for ${candidates.map((path) => `"${path}"`).join(", ")}; ${remedy}, or give --config FILE`,
  );
}

/** Expands `~` and `~/` at the start of a path. */
export function expandHome(path: string, home: string | undefined): string {
  if (path !== "~" && !path.startsWith("~/")) {
    return path;
  }
  if (home === undefined || home === "") {
    throw new AuraeError("failed_precondition", `read path "${path}": HOME is not set`);
  }
  return home + path.slice(1);
}

function readConfig(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      return undefined;
    }
    throw broken(path, code === "EACCES" ? "not readable for this user" : messageOf(error), error);
  }
}

function configFrom(
  text: string,
  path: string,
  overrides: ConfigOverrides,
  home: string | undefined,
  warn: (message: string) => void,
): ClientConfig {
  if (text.trim() === "") {
    throw broken(path, "empty config");
  }
  let parsed: object;
  try {
    parsed = parseToml(text);
  } catch (error) {
    throw broken(path, messageOf(error), error);
  }
  return complete({ ...fieldsOf(parsed, path, warn), ...overrides }, path, home);
}

function fieldsOf(parsed: object, path: string, warn: (message: string) => void): ConfigOverrides {
  const fields: { -readonly [K in keyof ConfigOverrides]: ConfigOverrides[K] } = {};
  for (const [section, content] of Object.entries(parsed) as [string, unknown][]) {
    const known: Readonly<Record<string, keyof ConfigOverrides>> | undefined = Object.hasOwn(
      SECTIONS,
      section,
    )
      ? SECTIONS[section as keyof typeof SECTIONS]
      : undefined;
    if (known === undefined || typeof content !== "object" || content === null) {
      warn(`config "${path}": [${section}] means nothing here`);
      continue;
    }
    for (const [key, value] of Object.entries(content) as [string, unknown][]) {
      const field = Object.hasOwn(known, key) ? known[key] : undefined;
      if (field === undefined) {
        warn(`config "${path}": [${section}] ${key} means nothing here`);
      } else if (typeof value !== "string" || value === "") {
        throw broken(path, `[${section}] ${key}: want a text in quotes that is not empty`);
      } else {
        fields[field] = value;
      }
    }
  }
  return fields;
}

function complete(
  fields: ConfigOverrides,
  source: string | undefined,
  home: string | undefined,
): ClientConfig {
  const path = (field: (typeof REQUIRED)[number][0], key: string): string => {
    const value = fields[field];
    if (value === undefined) {
      throw broken(source ?? "", `[auth] ${key} is missing; ${REMEDY}`);
    }
    return expandHome(value, home);
  };
  return {
    paths: {
      caCrt: path("caCrt", "ca_crt"),
      clientCrt: path("clientCrt", "client_crt"),
      clientKey: path("clientKey", "client_key"),
    },
    address: parseAddress(expandHome(fields.socket ?? DEFAULT_SOCKET, home)),
    serverName: fields.serverName ?? DEFAULT_SERVER_NAME,
    source,
  };
}

function faultPrefix(path: string): string {
  return `config "${path}": `;
}

function broken(path: string, reason: string, cause?: unknown): AuraeError {
  return new AuraeError("failed_precondition", faultPrefix(path) + reason, {
    resource: path,
    cause,
  });
}
