/**
 * The words about commands and flags: what the protos' comments say (summaries.ts), and what is said besides. Loaded by
 * the help, the completion and the manual pages alone, since a call needs none of it.
 */
import type { DescField } from "@bufbuild/protobuf";
import { type Command, type FieldPath, methodKey } from "./commands.ts";
import type { FlagSpec } from "./flags.ts";
import { SUMMARIES } from "./summaries.ts";

/** What a command does, in paragraphs. The first says it all in short; the last ones are about errors. */
export function commandText({ method, summary, note }: Command): readonly string[] {
  const [first = "", ...more] = (summary ?? SUMMARIES[methodKey(method)] ?? "").split("\n\n");
  return [note === undefined ? first : `${first} ${note}`, ...more];
}

/** What a flag or a positional is. */
export function flagText(flag: FlagSpec & { readonly path?: FieldPath }): string {
  return flag.summary ?? (flag.path === undefined ? "" : pathSummary(flag.path));
}

/** What a field is; inside a message that is part of another, what that is for as well. */
function pathSummary(path: FieldPath): string {
  const [around, leaf] = path.slice(-2).map(fieldSummary);
  // The fields of a controller name their files.
  const isController = path.at(-1)?.parent.name.endsWith("Controller") === true;
  if (path.length < 3 || isController || around === undefined || leaf === undefined) {
    return fieldSummary(path.at(-1)) ?? "";
  }
  const start = /^.*?(?=\.(?: |$))/.exec(around)?.[0] ?? around;
  return `${start}: ${leaf.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase())}`;
}

function fieldSummary(field: DescField | undefined): string | undefined {
  return field === undefined ? undefined : SUMMARIES[`${field.parent.typeName}.${field.name}`];
}

/** `Makes a cell: its control group.` of a longer text. */
export function firstSentence(text: string): string {
  return /^.*?\.(?= [A-Z]|$)/.exec(text)?.[0] ?? text;
}
