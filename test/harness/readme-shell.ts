/** One shell for a tour: what a block defines, the next one has. Both of its outputs come back as a terminal shows them. */

const TIMEOUT_MS = 20_000;

export interface Printed {
  readonly text: string;
  readonly status: number;
}

export class TourShell implements AsyncDisposable {
  readonly #shell: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #output: AsyncIterator<Uint8Array>;
  readonly #mark = `end-of-block-${crypto.randomUUID()}`;

  /** @param env all that the shell has of an environment */
  constructor(cwd: string, env: Readonly<Record<string, string>>) {
    this.#shell = Bun.spawn(["sh"], {
      cwd,
      env: { ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#output = this.#shell.stdout[Symbol.asyncIterator]();
  }

  /** Runs a block to its end. @throws {Error} when the shell ends, or the block takes too long */
  async run(script: string): Promise<Printed> {
    // Braces, not parentheses: a function that the block defines has to stay.
    this.#shell.stdin.write(`{\n${script}\n} </dev/null 2>&1; echo "${this.#mark} $?"\n`);
    await this.#shell.stdin.flush();
    const end = new RegExp(`${this.#mark} (\\d+)\\n$`);
    const timer = setTimeout(() => this.#shell.kill("SIGKILL"), TIMEOUT_MS);
    const decoder = new TextDecoder();
    let text = "";
    try {
      for (;;) {
        const { value, done } = await this.#output.next();
        text += done === true ? "" : decoder.decode(value, { stream: true });
        const match = end.exec(text);
        if (match !== null) {
          return { text: text.slice(0, match.index), status: Number(match[1]) };
        }
        if (done === true) {
          throw new Error(`the shell ended, or had to be, in:\n${script}\nafter:\n${text}`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin.end();
    this.#shell.kill("SIGKILL");
    await this.#shell.exited;
  }
}
