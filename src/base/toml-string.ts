/** Text as TOML has it. */

/** A TOML basic string: JSON's escapes are a subset of its own, but it also wants DEL escaped. */
export function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
