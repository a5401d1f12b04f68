/** A failure that a message explains to the person at the terminal; anything else is a bug and shows its stack. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}
