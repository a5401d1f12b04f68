/**
 * What the descriptors do not tell about the command line: which fields are positionals, the names that the original's
 * client took, defaults, and what an answer means for the exit code. Everything else follows from a rule (commands.ts).
 * A test holds each path here against the descriptors. What needs the messages of a service is in a module of its own,
 * which is loaded with them (groups.ts).
 */
import type { DescField, DescMethod, Message } from "@bufbuild/protobuf";
import type { FlagSpec } from "./flags.ts";
import type { Tool } from "./interactive/tool.ts";

export interface PositionalException {
  /** The field, by proto names. */
  readonly path: string;
  /** As the help shows it, when that is not the field's own name. */
  readonly shown?: string;
  /** What it is, when the field's own words do not say it. */
  readonly about?: string;
  /** The value when it is left out; without one it has to be given. */
  readonly default?: string;
  /** A flag that stands for "none", so that nobody gets it by forgetting a word; or that of another field. */
  readonly omittedBy?: { readonly flag: string; readonly summary: string; readonly path?: string };
}

export interface FlagException {
  /** The name that is shown; the one with the whole path goes on working. */
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly short?: string;
  readonly required?: true;
  readonly default?: string;
}

export interface MethodException {
  readonly positionals?: readonly PositionalException[];
  /** By the field's path. */
  readonly flags?: Readonly<Record<string, FlagException>>;
  /** What the help says after the method's own words. */
  readonly note?: string;
  /** The messages whose names say nothing in a flag's, where more than one message is in the request. */
  readonly wraps?: readonly string[];
  /** Fields that have no flag. */
  readonly omits?: readonly string[];
  /** The repeated field that takes the words after `--`. */
  readonly rest?: string;
  /** Two fields of which one has to be given, and how to say that. */
  readonly exactlyOne?: { readonly paths: readonly string[]; readonly hint: string };
  /** Flags that are no field of the request. */
  readonly extras?: readonly FlagSpec[];
  /** The exit code that an answer stands for; 0 unless told otherwise. */
  readonly exitCode?: (answer: Message) => number;
  /** What is done in place of one call, always or only with a flag. Loaded when it is needed. */
  readonly tool?: { readonly onlyWith?: FlagSpec; readonly load: () => Promise<Tool> };
}

/** A command that no method stands for alone. */
export interface ExtraCommand {
  readonly name: string;
  readonly summary: string;
  /** Whose request its flags fill in. */
  readonly method: DescMethod;
  readonly exception: MethodException;
}

/** By the method's full name. */
export type MethodExceptions = Readonly<Record<string, MethodException>>;

export const OBSERVE_EXCEPTIONS: MethodExceptions = {
  "aurae.observe.v0.ObserveService.GetSubProcessStream": {
    positionals: [
      {
        path: "process_id",
        omittedBy: { flag: "executable-name", summary: "", path: "executable_name" },
      },
      { path: "channel_type", default: "stdout" },
    ],
    // "cell logs" writes output as it is.
    omits: ["raw"],
  },
};

/** Messages whose whole numbers are bytes, so that `64M` may be written. */
export const BYTE_MESSAGES: ReadonlySet<string> = new Set([
  "aurae.cells.v0.MemoryController",
  "aurae.cells.v0.HugetlbController",
]);

/** Whether a field's whole numbers are bytes. */
export function isByteField(field: DescField): boolean {
  return BYTE_MESSAGES.has(field.parent.typeName) || /(?:^|_)bytes(?:_|$)/.test(field.name);
}
