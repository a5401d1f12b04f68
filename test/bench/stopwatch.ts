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

  /** Of calls, over one connection: `time` takes methods of CellService, each followed by its request in hexadecimal digits. */
  static ofCalls(program: string, { port, ca, cert, key }: StopwatchClient): Stopwatch {
    return new Stopwatch([program, "call", String(port), ca, cert, key]);
  }

  /**
   * Of programs: `time` takes one with its arguments. They find what they expect, control groups version 2 at
   * /sys/fs/cgroup, in a mount namespace of their own, whatever the host has there.
   */
  static ofPrograms(program: string): Stopwatch {
    const setUp = `mount --make-rprivate / && mount --bind '${findCgroup2()}' /sys/fs/cgroup`;
    return new Stopwatch(["unshare", "-m", "sh", "-c", `${setUp} && exec '${program}' run`]);
  }

  /** @returns how long it took, in milliseconds @throws {Error} with what went wrong */
  async time(words: readonly string[]): Promise<number> {
    this.#child.stdin.write(`${words.join("\t")}\n`);
    this.#child.stdin.flush();
    const { value, done } = await this.#answers.next();
    if (done === true || value.startsWith("!")) {
      throw new Error(done === true ? "the stopwatch has ended" : value.slice(1));
    }
    return Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}
