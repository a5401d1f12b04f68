/**
 * What a program that runs scripts says before they do: the configuration for clients that name none. A script does not
 * get at it.
 */
import { homedir } from "node:os";
import type { ConfigOverrides } from "../client/config.ts";

export interface Settings {
  /** The configuration file of clients that name none. Left out: the search path. */
  readonly config?: string | undefined;
  /** The context of clients that name neither that nor a file, as it was asked for; not beside a file. */
  readonly context?: string | undefined;
  /** What AURAE_CONTEXT says; counts after the two. Left out: the context in use, if one is. */
  readonly environmentContext?: string | undefined;
  /** What goes before the file, for clients that say nothing else. */
  readonly overrides?: ConfigOverrides;
  /** The user's home, where there is one. */
  readonly home?: string | undefined;
  /** Told of what is wrong with a configuration file and no error. */
  readonly warn?: (message: string) => void;
}

let settings: Settings = {};

export function configure(next: Settings): void {
  settings = next;
}

export function currentSettings(): Settings & Required<Pick<Settings, "warn">> {
  return {
    home: homedir(),
    warn: (message) => process.emitWarning(message, { code: "AURAE_CONFIG" }),
    ...settings,
  };
}
