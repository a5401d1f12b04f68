/**
 * Writes what an executable prints to the log, line by line with its name before it, and thereby to the machine's console.
 * A console may be a slow serial line, and the daemon waits for it: so there is a bound of lines in each second, and what
 * is over it is counted. All of it is kept where all output is.
 */
import { log } from "../base/log.ts";
import { LineSplitter } from "../domain/output/line-splitter.ts";

export const MAX_LINES_PER_SECOND = 50;
export const MAX_LINE_CHARACTERS = 1_000;

type StreamName = "stdout" | "stderr";

export class ConsoleRelay {
  readonly #name: string;
  readonly #now: () => number;
  readonly #splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #left = 0;

  /** @param now milliseconds, of a clock that only goes forward */
  constructor(name: string, now: () => number = () => performance.now()) {
    this.#name = name;
    this.#now = now;
  }

  add(stream: StreamName, bytes: Uint8Array): void {
    // A copy: what is kept of a line outlives the buffer that it came in.
    for (const line of this.#splitters[stream].add(Uint8Array.from(bytes), 0)) {
      this.#write(line.bytes);
    }
  }

  /** Writes what has come of lines whose end has not, and how many were left out. */
  end(): void {
    for (const splitter of Object.values(this.#splitters)) {
      const rest = splitter.rest();
      if (rest !== undefined) {
        this.#write(rest.bytes);
      }
    }
    this.#tellLeft();
  }

  #write(bytes: Uint8Array): void {
    const now = this.#now();
    if (now - this.#second >= 1_000) {
      this.#tellLeft();
      this.#second = now;
      this.#lines = 0;
    }
    if (this.#lines >= MAX_LINES_PER_SECOND) {
      this.#left += 1;
      return;
    }
    this.#lines += 1;
    const text = new TextDecoder().decode(bytes.subarray(0, MAX_LINE_CHARACTERS));
    log.info(`${this.#name}: ${text}${bytes.length > MAX_LINE_CHARACTERS ? "…" : ""}`);
  }

  #tellLeft(): void {
    if (this.#left > 0) {
      log.warn(`${this.#name}: ${this.#left} lines are not shown here`);
      this.#left = 0;
    }
  }
}
