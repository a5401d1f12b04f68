/**
 * The values of the flags that every command takes.
 */
import type { ConfigOverrides } from "../client/config.ts";
import { GLOBAL_FLAGS, OUTPUTS, type FlagSpec, type OutputFormat } from "./flags.ts";
import type { GivenFlag } from "./parse.ts";
import { UsageError } from "./usage-error.ts";
import { parseTimeout } from "./values.ts";

export interface Globals {
  readonly config: string | undefined;
  readonly context: string | undefined;
  readonly overrides: ConfigOverrides;
  readonly output: OutputFormat;
  /** Whether the form of the output was asked for. */
  readonly hasOutput: boolean;
  readonly timeoutMs: number | undefined;
  readonly isVerbose: boolean;
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
}

/** @throws UsageError */
export function globalsFrom(flags: readonly GivenFlag[]): Globals {
  const textOf = (spec: FlagSpec): string | undefined =>
    flags.find((one) => one.spec === spec)?.text;
  const isOn = (spec: FlagSpec): boolean => textOf(spec) !== undefined && textOf(spec) !== "false";
  const overrides: { -readonly [K in keyof ConfigOverrides]: ConfigOverrides[K] } = {};
  for (const key of ["caCrt", "clientCrt", "clientKey", "socket", "serverName"] as const) {
    const text = textOf(GLOBAL_FLAGS[key]);
    if (text === "") {
      throw new UsageError(`--${GLOBAL_FLAGS[key].name}: want a text that is not empty`);
    }
    if (text !== undefined) {
      overrides[key] = text;
    }
  }
  const timeout = textOf(GLOBAL_FLAGS.timeout);
  return {
    config: textOf(GLOBAL_FLAGS.config),
    context: textOf(GLOBAL_FLAGS.context),
    overrides,
    output: outputFrom(textOf(GLOBAL_FLAGS.output)),
    hasOutput: textOf(GLOBAL_FLAGS.output) !== undefined,
    timeoutMs: timeout === undefined ? undefined : parseTimeout(timeout, "--timeout"),
    isVerbose: isOn(GLOBAL_FLAGS.verbose),
    wantsHelp: isOn(GLOBAL_FLAGS.help),
    wantsVersion: isOn(GLOBAL_FLAGS.version),
  };
}

function outputFrom(text: string | undefined): OutputFormat {
  const found = OUTPUTS.find((one) => one === (text ?? "table"));
  if (found === undefined) {
    throw new UsageError(`--output: want one of ${OUTPUTS.join(", ")}, not "${text}"`);
  }
  return found;
}
