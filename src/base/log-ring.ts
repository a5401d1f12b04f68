/**
 * The last lines of the daemon's log, in memory, for those who read it over the API. A reader has no buffer of its own: it
 * keeps its place, and one that is too slow is told how many lines it has missed.
 */
import { Waiters } from "./waiters.ts";

/** Most lines, and most characters, that are held. */
const LINES_MAX = 1_000;
const CHARACTERS_MAX = 256 * 1024;

export interface LogLine {
  /** Without its end. */
  readonly text: string;
  /** In milliseconds since 1970. */
  readonly timeMs: number;
}

export interface LogRead extends LogLine {
  /** How many lines were missed just before this one. */
  readonly missedLines: number;
}

export class LogRing {
  readonly #linesMax: number;
  #lines: LogLine[] = [];
  #characters = 0;
  /** The number of the first line that is held; lines are numbered from 0. */
  #first = 0;
  readonly #waiters = new Waiters();

  constructor(linesMax = LINES_MAX) {
    this.#linesMax = linesMax;
  }

  push(text: string, timeMs: number): void {
    this.#lines.push({ text, timeMs });
    this.#characters += text.length;
    while (this.#lines.length > this.#linesMax || this.#characters > CHARACTERS_MAX) {
      this.#characters -= this.#lines.shift()?.text.length ?? 0;
      this.#first += 1;
    }
    this.#waiters.wakeAll();
  }

  /** What is held, then what comes, until the signal aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<LogRead> {
    let at = this.#first;
    while (!signal.aborted) {
      const missedLines = Math.max(0, this.#first - at);
      at += missedLines;
      const line = this.#lines[at - this.#first];
      if (line === undefined) {
        await this.#waiters.wait(signal);
      } else {
        at += 1;
        yield { ...line, missedLines };
      }
    }
  }

  /** How many readers wait; for tests of leaks. */
  get waiterCount(): number {
    return this.#waiters.size;
  }
}
