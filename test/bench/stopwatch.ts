/**
 * Has calls of the daemon and other programs timed by one small program, `stopwatch.c`, so that what stands beside each
 * other in a table was measured in the same way.
 */
import { join } from "node:path";
import { run } from "../../build/run.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { linesOf } from "../harness/lines.ts";

export interface StopwatchClient {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @returns the program, compiled into a folder */
export async function compileStopwatch(folder: string): Promise<string> {
  const program = join(folder, "stopwatch");
  const source = join(import.meta.dir, "stopwatch.c");
  await run(["gcc", "-D_GNU_SOURCE", "-O2", "-o", program, source, "-lssl", "-lcrypto"]);
  return program;
}

export class Stopwatch implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<string>;

  private constructor(argv: readonly string[]) {
    this.#child = Bun.spawn([...argv], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = linesOf(this.#child.stdout);
  }

  /** Of calls, over one connection: a line is methods of CellService, each followed by its request in hexadecimal digits. */
  static ofCalls(program: string, { port, ca, cert, key }: StopwatchClient): Stopwatch {
    return new Stopwatch([program, "call", String(port), ca, cert, key]);
  }

  /**
   * Of programs: a line is one with its arguments. They find what they expect, control groups version 2 at
   * /sys/fs/cgroup, in a mount namespace of their own, whatever the host has there.
   */
  static ofPrograms(program: string): Stopwatch {
    const setUp = `mount --make-rprivate / && mount --bind '${findCgroup2()}' /sys/fs/cgroup`;
    return new Stopwatch(["unshare", "-m", "sh", "-c", `${setUp} && exec '${program}' run`]);
  }

  /**
   * Each after the one before, without a turn of this process in between.
   * @returns how long each took, in milliseconds @throws {Error} with what went wrong first
   */
  async times(lines: readonly (readonly string[])[]): Promise<number[]> {
    const text = lines.map((words) => `${words.join("\t")}\n`);
    this.#child.stdin.write(`${text.join("")}\n`);
    this.#child.stdin.flush();
    const answers: string[] = [];
    while (answers.length < lines.length) {
      const { value, done } = await this.#answers.next();
      if (done === true) {
        throw new Error("the stopwatch has ended");
      }
      answers.push(value);
    }
    const failure = answers.find((answer) => answer.startsWith("!"));
    if (failure !== undefined) {
      throw new Error(failure.slice(1));
    }
    return answers.map(Number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}
