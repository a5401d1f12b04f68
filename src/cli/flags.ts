/**
 * What a flag is, and the flags that every command takes.
 */

export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string;
  /** Further names, not shown. */
  readonly aliases: readonly string[];
  readonly short?: string;
  /** Left out: what the protos say of the request's field (texts.ts). */
  readonly summary?: string;
  /** What stands for the value in the help; a flag without one is switched on by being there. */
  readonly valueName?: string;
  readonly repeated?: boolean;
  readonly required?: boolean;
  readonly default?: string;
  /** The values that make sense, for the help and for completion. */
  readonly choices?: readonly string[];
  readonly completes?: "file" | "context";
}

/** Makes a flag without further names. */
export const flag = (name: string, summary: string, rest: Partial<FlagSpec> = {}): FlagSpec => ({
  name,
  summary,
  aliases: [],
  ...rest,
});

export const OUTPUTS = ["table", "json"] as const;
export type OutputFormat = (typeof OUTPUTS)[number];

export const GLOBAL_FLAGS = {
  config: flag("config", "The client's configuration file. Left out: the search path below.", {
    valueName: "FILE",
    completes: "file",
  }),
  context: flag("context", "The named context to use, of those that `aer context list` shows.", {
    valueName: "NAME",
    completes: "context",
  }),
  socket: flag("socket", "Where auraed listens: a socket's path, HOST:PORT or [IPV6%ZONE]:PORT.", {
    valueName: "ADDRESS",
    completes: "file",
  }),
  caCrt: flag("ca-crt", "The CA's certificate.", { valueName: "FILE", completes: "file" }),
  clientCrt: flag("client-crt", "The client's certificate.", {
    valueName: "FILE",
    completes: "file",
  }),
  clientKey: flag("client-key", "The client's key.", { valueName: "FILE", completes: "file" }),
  serverName: flag("server-name", "The name that the server's certificate has to carry.", {
    valueName: "NAME",
  }),
  output: flag("output", "How answers are written.", {
    short: "o",
    valueName: "FORMAT",
    choices: OUTPUTS,
    default: "table",
  }),
  timeout: flag("timeout", "Give up after this time: 500ms, 30s, 2m. Left out: never.", {
    valueName: "TIME",
  }),
  verbose: flag("verbose", "Say on standard error what is done.", { short: "v" }),
  help: flag("help", "Show this help.", { short: "h" }),
  version: flag("version", "Show the version.", { short: "V" }),
} as const;

export const GLOBAL_FLAG_LIST: readonly FlagSpec[] = Object.values(GLOBAL_FLAGS);
