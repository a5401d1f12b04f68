/**
 * Makes text from elsewhere safe to show: a name or a command must not be able to move the cursor, forge a line or turn
 * the direction of writing (CVE-2021-42574 is the known abuse of the latter).
 */

/** C0 and C1 controls, DEL, line and paragraph separators, directional marks, and surrogates without a partner. */
const UNSAFE =
  /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The text with each unsafe character as `\n`, `\x1b` or `\u202e`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const number = char.charCodeAt(0);
    const hex = number.toString(16);
    return (
      SHORT[char] ?? (number < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`)
    );
  });
}

/** The same for text of several lines: newlines and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeText);
}

/** JSON text with the same characters as `\u` escapes, which JSON leaves as they are. The value stays the same. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) =>
    char === "\n" ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
