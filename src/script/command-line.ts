/** The words of the command line: flags of ours, then the script, then all that is the script's own. */
import { AuraeError } from "../base/errors.ts";
import { nearest } from "../base/suggest.ts";
import type { ConfigOverrides } from "../client/config.ts";

export interface ClientFlags {
  readonly config: string | undefined;
  readonly context: string | undefined;
  readonly overrides: ConfigOverrides;
}

export type ScriptCommand =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "check" | "init"; readonly words: readonly string[] }
  | {
      readonly kind: "run";
      /** `-` for standard input; none: standard input, or the prompt where that is a terminal. */
      readonly script: string | undefined;
      readonly args: readonly string[];
      readonly client: ClientFlags;
    };

const VALUES: Readonly<Record<string, "config" | "context" | keyof ConfigOverrides>> = {
  "--config": "config",
  "--context": "context",
  "--socket": "socket",
  "--ca-crt": "caCrt",
  "--client-crt": "clientCrt",
  "--client-key": "clientKey",
  "--server-name": "serverName",
};

const SWITCHES: Readonly<Record<string, "help" | "version">> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

/** A script of such a name is run by its path, `./check`. */
const SUBCOMMANDS = ["check", "init"] as const;

/** @throws {AuraeError} invalid_argument */
export function parseScriptArgs(words: readonly string[]): ScriptCommand {
  let config: string | undefined;
  let context: string | undefined;
  const overrides: { -readonly [K in keyof ConfigOverrides]: ConfigOverrides[K] } = {};
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || word === "-") {
      break;
    }
    if (word === "--") {
      at += 1;
      break;
    }
    const [name = "", inline] = splitFlag(word);
    const kind = SWITCHES[name];
    if (kind !== undefined && inline === undefined) {
      return { kind };
    }
    const field = VALUES[name];
    if (field === undefined) {
      throw wrong(
        `no flag "${name}"${nearest(name, [...Object.keys(VALUES), "--help", "--version"])}`,
      );
    }
    at += inline === undefined ? 1 : 0;
    const value = inline ?? words[at];
    if (value === undefined || value === "") {
      throw wrong(`${name}: want a value`);
    }
    if (field === "config") {
      config = value;
    } else if (field === "context") {
      context = value;
    } else {
      overrides[field] = value;
    }
  }
  if (config !== undefined && context !== undefined) {
    throw wrong("give a configuration file or a context, not both");
  }
  const kind = SUBCOMMANDS.find((name) => name === words[at]);
  if (kind !== undefined && words[at - 1] !== "--") {
    return { kind, words: words.slice(at + 1) };
  }
  return {
    kind: "run",
    script: words[at],
    args: words.slice(at + 1),
    client: { config, context, overrides },
  };
}

function splitFlag(word: string): [string, string | undefined] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function wrong(message: string): AuraeError {
  return new AuraeError("invalid_argument", message);
}

export const USAGE = `auraescript: runs TypeScript with the API of auraed in reach

usage: auraescript [flag...] [FILE [argument...]]
       auraescript check FILE...
       auraescript init [DIR]

FILE is a module: it imports "aurae", files beside it, and packages of its node_modules. "-" is
standard input. Without FILE, a script is read from standard input, or line by line with a prompt
where that is a terminal. check tells what is wrong with the types of scripts; init makes a folder
that editors complete and check scripts in.

  --config FILE       the client's configuration; left out: ~/.aurae/config, /etc/aurae/config,
                      /var/lib/aurae/config
  --context NAME      a context that "aer context add" has made
  --socket ADDRESS    where auraed listens: a socket's path, HOST:PORT or [IPV6%ZONE]:PORT
  --ca-crt FILE       the CA's certificate
  --client-crt FILE   the client's certificate
  --client-key FILE   the client's key
  --server-name NAME  the name that the server's certificate has to carry
  -h, --help          show this help
  -V, --version       show the version

These hold for clients that a script makes without naming a configuration of its own.
`;
