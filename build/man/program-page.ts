/** The manual page of a program, from what it prints for `--help`: `NAME: summary`, usage, paragraphs, options. */
import { entry, heading, type Page, paragraph, references, verbatim } from "./roff.ts";
import { readUsage } from "./usage.ts";

export interface Program {
  readonly name: string;
  readonly section: 1 | 8;
  readonly version: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** Paragraphs before those of the usage. */
  readonly description?: readonly string[];
  /** Further sections. */
  readonly more?: readonly string[];
  readonly exitStatus: readonly (readonly [code: string, meaning: string])[];
  /** `aer(1)`. */
  readonly seeAlso: readonly string[];
}

export function programPage(program: Program): Page {
  const { name, section, version, description = [], more = [], exitStatus, seeAlso } = program;
  const { synopsis, options, paragraphs } = readUsage(program.usage);
  const [summary = "", ...rest] = paragraphs;
  return {
    ...{ name, section, version },
    summary: summary.replace(`${name}: `, ""),
    blocks: [
      heading("synopsis"),
      verbatim(synopsis),
      heading("description"),
      ...[...description, ...rest].map(paragraph),
      heading("options"),
      ...options.map(({ term, text }) => entry(term, text)),
      ...more,
      heading("exit status"),
      ...exitStatus.map(([code, meaning]) => entry(code, meaning)),
      heading("see also"),
      references(seeAlso),
    ],
  };
}
