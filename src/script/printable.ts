/** Text that says something to the user and may come from anywhere: the other end of a connection, a file, a file's name. */

/** What a terminal would take as a command. Lines and tabs stay. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** The text with each such character as `\x1b`. */
export function printable(text: string): string {
  return text.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
