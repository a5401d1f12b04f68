/**
 * The process that `aer` is, as far as commands that carry input and output need it: standard input, the terminal's mode
 * and size, signals. Handed in, so that tests need no terminal.
 */

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface Host {
  readonly isInputTerminal: boolean;
  /** What comes on standard input, until its end. Reads no further while a piece is not asked for. Call it once. */
  input(): AsyncIterable<Uint8Array>;
  /** Hands every key on as it is, until disposed of. Ends with the process as well, however that ends. */
  rawMode(): Promise<Disposable>;
  /** Undefined where there is no terminal to show on. */
  size(): TerminalSize | undefined;
  onResize(listener: () => void): Disposable;
  /** Takes signals over from aer itself, until disposed of. */
  onSignals(names: readonly NodeJS.Signals[], listener: (name: NodeJS.Signals) => void): Disposable;
}

/** The size to say where there is no terminal (terminfo(5), vt100). */
export const DEFAULT_SIZE: TerminalSize = { rows: 24, columns: 80 };
