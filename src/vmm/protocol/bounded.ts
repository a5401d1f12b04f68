/** How long a text of the control protocol may be. Apart from the messages, since every thread of a machine needs it. */

/** In UTF-16 code units. */
export const MAX_TEXT = 4096;

/** A message for a person, no longer than a field may be. */
export function bounded(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 3)}...` : text;
}
