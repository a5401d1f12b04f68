/**
 * Reads the commands of a document for people, and what it shows of their output. The first word after `sh` says what a
 * block is for, so that no command gets into a document without a decision:
 *
 *     ```sh start            runs in the background for the whole tour
 *     ```sh tour             is run, in order, in one shell
 *     ```sh tour eventually  is run again until it prints what is shown: it reads what something else writes
 *     ```sh notest: REASON   is not run
 *
 * The `text` blocks that follow are what a block prints, and `status=N` there is the exit status if it is not 0. Of
 * several, `if=NAME` says which host prints which. `text start` is what the command in the background has printed once it
 * is ready. A line `…` stands for any lines.
 */

export interface Fence {
  /** The first word of the info string. */
  readonly language: string;
  /** The rest of it. */
  readonly info: string;
  readonly body: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export interface Expectation {
  /** On which hosts; everywhere if undefined. */
  readonly condition: string | undefined;
  readonly status: number;
  readonly text: string;
}

export interface Step {
  readonly kind: "start" | "tour";
  readonly isEventual: boolean;
  readonly script: string;
  /** Nothing printed and status 0, if empty. */
  readonly expectations: readonly Expectation[];
  readonly line: number;
}

const LANGUAGES = ["sh", "text", "toml", "json", "proto", "c", "ts"];
const KINDS = /^(?:(start)|tour( eventually)?|(notest: \S.*))$/;
const OUTPUT = /^(?:if=([a-z-]+))?\s*(?:status=(\d{1,3}))?$/;

/** The fenced blocks of a Markdown text. @throws {Error} for one that is not closed, or is indented code */
export function fencesOf(markdown: string, path: string): Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; line: number; body: string[] } | undefined;
  for (const [index, text] of markdown.split("\n").entries()) {
    const fence = /^ {0,3}```(.*)$/.exec(text)?.[1];
    if (open === undefined && fence !== undefined) {
      open = { info: fence, line: index + 1, body: [] };
    } else if (open !== undefined && fence === "") {
      const [language = "", ...rest] = open.info.split(" ");
      fences.push({ language, info: rest.join(" "), body: open.body.join("\n"), line: open.line });
      open = undefined;
    } else if (open !== undefined) {
      open.body.push(text);
    } else if (/^ {4,}(?:\$|#|sudo|npm|npx|bun|curl|dist\/|aer|auraed)\b/.test(text)) {
      throw new Error(`${path}:${index + 1}: a command in indented code; put it in a fence`);
    }
  }
  if (open !== undefined) {
    throw new Error(`${path}:${open.line}: the fence is not closed`);
  }
  return fences;
}

function expectationFrom({ info, body, line }: Fence, path: string): Expectation {
  const match = OUTPUT.exec(info);
  if (match === null) {
    throw new Error(
      `${path}:${line}: after text comes if=NAME, status=N or nothing, not "${info}"`,
    );
  }
  return { condition: match[1], status: Number(match[2] ?? 0), text: body };
}

/**
 * The commands of a document that are run, each with what it prints.
 * @throws {Error} for a block of commands that does not say whether it is run, and one in an unknown language
 */
export function stepsOf(markdown: string, path: string): Step[] {
  const steps: (Step & { expectations: Expectation[] })[] = [];
  let current: { expectations: Expectation[] } | undefined;
  for (const fence of fencesOf(markdown, path)) {
    const { language, info, line } = fence;
    if (!LANGUAGES.includes(language)) {
      throw new Error(`${path}:${line}: a block in "${language}"; known: ${LANGUAGES.join(", ")}`);
    }
    if (language === "text" && info === "measured") {
      current = undefined;
    } else if (language === "text" && info === "start") {
      const start = steps.find(({ kind }) => kind === "start");
      start?.expectations.push({ condition: undefined, status: 0, text: fence.body });
    } else if (language === "text" && current !== undefined) {
      current.expectations.push(expectationFrom(fence, path));
    } else if (language === "text" && steps.length > 0) {
      throw new Error(`${path}:${line}: output of no command that is run`);
    } else if (language !== "sh") {
      current = undefined;
    } else {
      const match = KINDS.exec(info);
      if (match === null) {
        throw new Error(
          `${path}:${line}: commands that nothing tests: write "sh tour", or "sh notest: REASON"`,
        );
      }
      const [, start, eventually, notest] = match;
      const step = {
        kind: start === undefined ? ("tour" as const) : ("start" as const),
        isEventual: eventually !== undefined,
        script: fence.body,
        expectations: [],
        line,
      };
      current = notest === undefined ? step : undefined;
      if (notest === undefined) {
        steps.push(step);
      }
    }
  }
  return steps;
}

/** Whether a text is what a document shows. Blanks count as one, and at a line's end as none. */
export function printsAsShown(text: string, shown: string): boolean {
  const lines = (from: string) =>
    from
      .trim()
      .split("\n")
      .map((line) => line.trimEnd().replace(/[ \t]+/g, " "));
  const pattern = lines(shown)
    .map((line) => (line === "…" ? "(?:.*\\n)*?" : `${RegExp.escape(line)}\\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${lines(text).join("\n")}\n`);
}
