/** What is fuzzed, as `bun build.ts fuzz` and the unit tests have it. */

export type Counts = Readonly<Record<string, number>>;

export interface FuzzTarget {
  /** What the inputs are, for people. */
  readonly summary: string;
  /**
   * Works on so many inputs, which follow from the seed alone unless the target says otherwise.
   * @returns how often each outcome came about: a target of which one never does tests nothing
   * @throws {Error} with the seed, or the number, of the input that broke a rule
   */
  run(count: number, seed: number): Counts | Promise<Counts>;
}
