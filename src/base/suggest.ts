/** The name that somebody who mistyped a word most likely meant, as the end of a message. */

/** At most this many letters may differ. */
const DISTANCE_MAX = 2;

/** `; did you mean "list"?`, or nothing. */
export function nearest(word: string, names: readonly string[]): string {
  let best: string | undefined;
  let least = DISTANCE_MAX + 1;
  for (const name of names) {
    const distance = editDistance(word.slice(0, 64), name.slice(0, 64));
    if (distance < least && distance < name.length / 2) {
      best = name;
      least = distance;
    }
  }
  return best === undefined ? "" : `; did you mean "${best}"?`;
}

/** Levenshtein's, by rows. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
