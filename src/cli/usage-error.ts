/** A command line that makes no sense. Ends with exit code 2 and a pointer to the help. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The group and command that were named before the mistake, as far as it is known where it was made. */
  readonly where: string | undefined;

  constructor(message: string, where?: string) {
    super(message);
    this.where = where;
  }
}
