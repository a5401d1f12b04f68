/** The few requests of man(7) that our pages are made of. Texts are plain; what is in backticks becomes bold. */

export interface Page {
  readonly name: string;
  readonly section: 1 | 8;
  /** One line, for apropos(1). */
  readonly summary: string;
  readonly version: string;
  readonly blocks: readonly string[];
}

export function renderPage({ name, section, summary, version, blocks }: Page): string {
  return [
    `.TH ${name.toUpperCase()} ${section} "" "auraed ${version}" "Aurae"`,
    // Names and paths are to stay in one piece.
    ".nh",
    ".ad l",
    heading("name"),
    `${escapeRoff(name)} \\- ${inline(summary)}`,
    ...blocks,
    "",
  ]
    .join("\n")
    .replace(/^(\.S[HS] .*\n)\.PP\n/gm, "$1");
}

export function heading(title: string): string {
  return `.SH ${title.toUpperCase()}`;
}

export function subheading(title: string): string {
  return `.SS ${inline(title)}`;
}

export function paragraph(text: string): string {
  return `.PP\n${inline(text)}`;
}

/** Lines that stand as they are. */
export function verbatim(lines: readonly string[]): string {
  return [".PP", ".nf", ...lines.map((line) => protect(escapeRoff(line))), ".fi"].join("\n");
}

/** A term and what it means. */
export function entry(term: string, text: string): string {
  return [".TP", `\\fB${escapeRoff(term)}\\fR`, ...(text === "" ? [] : [inline(text)])].join("\n");
}

export function references(names: readonly string[]): string {
  return names.map((name) => name.replace(/^(.*)\((\d)\)$/, ".BR $1 ($2)")).join(" ,\n");
}

function inline(text: string): string {
  const parts = text.split("`");
  const made = parts.map((part, at) =>
    at % 2 === 1 ? `\\fB${escapeRoff(part)}\\fR` : escapeRoff(part),
  );
  return protect(made.join(""));
}

function escapeRoff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("…", "...");
}

/** A line that begins with a period would be a request. */
function protect(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}
