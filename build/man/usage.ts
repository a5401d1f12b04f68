/** Reads the text that a program prints for `--help`, so that its manual page says the same. */

export interface Usage {
  /** How it is called, a line each, without `Usage:`. */
  readonly synopsis: readonly string[];
  readonly options: readonly { readonly term: string; readonly text: string }[];
  readonly paragraphs: readonly string[];
}

/** A term and its text have two blanks between them; more of the text is indented further. */
const OPTION = /^ {2,}(?=-)(.*?)(?: {2,}(.*))?$/;

export function readUsage(help: string): Usage {
  const synopsis: string[] = [];
  const options: { term: string; text: string }[] = [];
  const paragraphs: string[] = [];
  for (const block of help.trim().split(/\n\n+/)) {
    const lines = block.split("\n").filter((line) => !/^options:$/i.test(line));
    if (/^usage:/i.test(block)) {
      synopsis.push(...lines.map((line) => line.replace(/^usage:/i, "").trim()));
    } else if (lines.some((line) => OPTION.test(line))) {
      for (const line of lines) {
        const [, term, text = ""] = OPTION.exec(line) ?? [];
        const last = options.at(-1);
        if (term !== undefined) {
          options.push({ term, text });
        } else if (last !== undefined) {
          last.text = `${last.text} ${line.trim()}`.trim();
        }
      }
    } else {
      paragraphs.push(lines.map((line) => line.trim()).join(" "));
    }
  }
  return { synopsis, options, paragraphs };
}
