/** What a guest has written to its console: kept, matched as it comes, and printed when something went wrong. */
import { appendFileSync, writeFileSync } from "node:fs";

/** A guest that writes more has gone wild; the file keeps all of it. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const TAIL_LINES = 60;
const TAIL_LINE_CHARACTERS = 240;

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

export class ConsoleLog {
  readonly path: string;
  #text = "";
  #ended: string | undefined;
  readonly #waiters = new Set<Waiter>();

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, "");
  }

  get text(): string {
    return this.#text;
  }

  append(chunk: string): void {
    appendFileSync(this.path, chunk);
    if (this.#text.length < MAX_CHARACTERS) {
      this.#text += chunk.replaceAll("\r", "");
    }
    for (const waiter of this.#waiters) {
      const match = waiter.pattern.exec(this.#text);
      if (match !== null) {
        this.#waiters.delete(waiter);
        waiter.resolve(match);
      }
    }
  }

  /** Nothing more will come: those who still wait are told why. */
  end(why: string): void {
    this.#ended = why;
    for (const { pattern, reject } of this.#waiters) {
      reject(new Error(`wait for ${pattern} on the console: ${why}\n${this.tail()}`));
    }
    this.#waiters.clear();
  }

  /** The first match in all that was ever written, now or as soon as it comes. */
  waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const match = pattern.exec(this.#text);
    if (match !== null) {
      return Promise.resolve(match);
    }
    if (this.#ended !== undefined) {
      return Promise.reject(
        new Error(`wait for ${pattern} on the console: ${this.#ended}\n${this.tail()}`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const waiter = { pattern, resolve, reject };
    const timer = setTimeout(() => {
      this.#waiters.delete(waiter);
      reject(
        new Error(`wait for ${pattern} on the console: not in ${timeoutMs} ms\n${this.tail()}`),
      );
    }, timeoutMs);
    this.#waiters.add(waiter);
    return promise.finally(() => clearTimeout(timer));
  }

  /** The last lines, with where the rest is. */
  tail(): string {
    const lines = this.#text
      .split("\n")
      .slice(-TAIL_LINES)
      .map((line) => line.slice(0, TAIL_LINE_CHARACTERS));
    return [`--- console, whole in ${this.path} ---`, ...lines, "---"].join("\n");
  }
}
