/**
 * How text may look on the output at hand: colours, and lines or plain ASCII.
 */

export interface Style {
  readonly hasColor: boolean;
  readonly hasUnicode: boolean;
}

export const PLAIN: Style = { hasColor: false, hasUnicode: false };

/** Colours on a terminal that did not opt out (https://no-color.org); lines of trees where the locale is UTF-8. */
export function styleFrom(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): Style {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return {
    hasColor: isTerminal && !env.NO_COLOR && env.TERM !== "dumb",
    hasUnicode: /utf-?8/i.test(locale),
  };
}

const SEQUENCES = {
  bold: ["\x1b[1m", "\x1b[22m"],
  dim: ["\x1b[2m", "\x1b[22m"],
  green: ["\x1b[32m", "\x1b[39m"],
  yellow: ["\x1b[33m", "\x1b[39m"],
  red: ["\x1b[31m", "\x1b[39m"],
} as const;

export type Color = "green" | "yellow" | "red";

export function paint(text: string, how: keyof typeof SEQUENCES, style: Style): string {
  const [on, off] = SEQUENCES[how];
  return style.hasColor && text !== "" ? `${on}${text}${off}` : text;
}
