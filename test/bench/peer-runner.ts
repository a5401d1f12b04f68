/**
 * Runs other programs where they find what they expect: control groups version 2 at /sys/fs/cgroup, in a mount namespace
 * of its own, whatever the host has there. As a program it reads commands, a line of JSON each, and prints how long each
 * took in milliseconds, or why it failed.
 */
import { createInterface } from "node:readline";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { linesOf } from "../harness/lines.ts";

export interface PeerResult {
  readonly ms: number;
  readonly error?: string;
}

async function runOnce(argv: readonly string[]): Promise<PeerResult> {
  const start = performance.now();
  const child = Bun.spawn([...argv], { stdio: ["ignore", "ignore", "pipe"] });
  const code = await child.exited;
  const ms = performance.now() - start;
  return code === 0 ? { ms } : { ms, error: await child.stderr.text() };
}

/** A process that answers a line of JSON for each that it gets. */
export class LineProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<string>;

  constructor(argv: readonly string[]) {
    this.#child = Bun.spawn([...argv], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = linesOf(this.#child.stdout);
  }

  async ask(question: unknown): Promise<PeerResult> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    this.#child.stdin.flush();
    const { value, done } = await this.#answers.next();
    return done === true ? { ms: 0, error: "the process has ended" } : JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}

/** Runs the other programs, in a mount namespace of its own, for as long as it is needed. */
export function startPeerRunner(): LineProcess {
  const setUp = `mount --make-rprivate / && mount --bind '${findCgroup2()}' /sys/fs/cgroup`;
  return new LineProcess([
    ...["unshare", "-m", "sh", "-c", `${setUp} && exec "$@"`, "sh"],
    ...[process.execPath, import.meta.path],
  ]);
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await runOnce(JSON.parse(line))));
  }
}
