/** Words of a POSIX shell. */

/** The word as it is where nothing in it means anything to the shell; else in single quotes. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
