/** A program in a pseudo terminal, driven from a test. The terminal itself is pseudo_terminal.py's, by python3's standard library. */
import { join } from "node:path";
import { linesOf } from "./lines.ts";

export interface TerminalMode {
  readonly echo: boolean;
  readonly canonical: boolean;
  readonly signals: boolean;
  /** Whether output is changed on its way, a line feed to carriage return and line feed. */
  readonly post: boolean;
}

interface Answer {
  readonly screen: string;
  readonly found?: boolean;
  readonly mode?: TerminalMode;
  readonly restored?: boolean;
  readonly status?: number | null;
}

export const hasPython = Bun.which("python3") !== null;

export class Pty implements AsyncDisposable {
  readonly #child;
  readonly #lines: AsyncIterator<string>;
  /** All that was on the screen, bytes as Latin-1. */
  screen = "";

  constructor(
    argv: readonly string[],
    {
      rows = 24,
      columns = 80,
      env = {},
    }: {
      readonly rows?: number;
      readonly columns?: number;
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ) {
    this.#child = Bun.spawn(
      ["python3", join(import.meta.dir, "pseudo_terminal.py"), `${rows}`, `${columns}`, ...argv],
      {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
        env: { PATH: process.env.PATH ?? "", TERM: "xterm", LANG: "C.UTF-8", ...env },
      },
    );
    this.#lines = linesOf(this.#child.stdout);
  }

  async type(text: string): Promise<void> {
    await this.#ask({ write: text });
  }

  async resize(rows: number, columns: number): Promise<void> {
    await this.#ask({ size: [rows, columns] });
  }

  async signal(number: number): Promise<void> {
    await this.#ask({ signal: number });
  }

  /** Waits for a text that was not yet waited for. @throws {Error} with the screen if it does not come */
  async until(text: string): Promise<void> {
    const { found } = await this.#ask({ until: text });
    if (found !== true) {
      throw new Error(
        `${JSON.stringify(text)} did not come; the screen is ${JSON.stringify(this.screen)}`,
      );
    }
  }

  async mode(): Promise<TerminalMode & { readonly isRestored: boolean }> {
    const { mode, restored } = await this.#ask({ mode: true });
    if (mode === undefined) {
      throw new Error("the terminal's mode is not known");
    }
    return { ...mode, isRestored: restored === true };
  }

  /** The exit code, or the negative number of the signal. */
  async end(): Promise<number | null | undefined> {
    return (await this.#ask({ end: true })).status;
  }

  async #ask(command: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    await this.#child.stdin.flush();
    const line = await this.#lines.next();
    if (line.done === true) {
      throw new Error(`pseudo_terminal.py ended; the screen is ${JSON.stringify(this.screen)}`);
    }
    const answer = JSON.parse(line.value) as Answer;
    this.screen += answer.screen;
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.end();
    await this.#child.exited;
  }
}
