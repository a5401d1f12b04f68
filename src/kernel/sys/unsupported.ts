/** The kernel, as it is built or set up here, does not have something that is needed. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
  readonly feature: string;

  /** @param since the kernel version that brought it @param remedy what to do */
  constructor(feature: string, since: string, remedy: string) {
    super(`no ${feature} here (Linux ${since} and later have it); ${remedy}`);
    this.feature = feature;
  }
}
