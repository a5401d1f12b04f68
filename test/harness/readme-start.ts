/**
 * `npm start` as a newcomer has it: in a fresh copy of the repository without anything that was built, and on a port
 * that is free. Only node_modules is shared, by a link, since a test does not download.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eventually } from "./eventually.ts";

const ROOT = resolve(import.meta.dir, "../..");
/** What a clone does not have. */
const NOT_CLONED = new Set([".git", "node_modules", "dist", ".cache", ".aurae"]);
const READY = "Ctrl-C ends it.";
const READY_TIMEOUT_MS = 60_000;

function copyRepository(): string {
  const directory = mkdtempSync(join(tmpdir(), "aurae-clone-"));
  for (const name of readdirSync(ROOT).filter((entry) => !NOT_CLONED.has(entry))) {
    cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  return directory;
}

function freePort(): Promise<number> {
  const { promise, resolve: found, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen({ host: "127.0.0.1", port: 0 }, () => {
    const address = probe.address();
    probe.close(() => found(typeof address === "object" ? (address?.port ?? 0) : 0));
  });
  return promise;
}

export class StartedClone implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #ended: Promise<unknown>;
  #output = "";
  #hasEnded = false;

  private constructor(
    directory: string,
    port: number,
    child: Bun.Subprocess<"ignore", "pipe", "pipe">,
  ) {
    this.directory = directory;
    this.port = port;
    this.#child = child;
    // The pipes are closed when the last of its processes has ended, which need not be the first one.
    const pipes = [this.#read(child.stdout), this.#read(child.stderr)];
    this.#ended = Promise.all([child.exited, ...pipes]).finally(() => {
      this.#hasEnded = true;
    });
  }

  /**
   * Runs the command that a document gives, and waits until the daemon serves.
   * @param command one that takes further arguments as npm does
   * @throws {Error} with all that it printed
   */
  static async start(command: string): Promise<StartedClone> {
    const [directory, port] = [copyRepository(), await freePort()];
    const child = Bun.spawn(["sh", "-c", `exec ${command} -- --port ${port}`], {
      cwd: directory,
      // In a group of its own, as a terminal has it.
      detached: true,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const clone = new StartedClone(directory, port, child);
    try {
      const ready = () => clone.#hasEnded || clone.output.includes(READY);
      await eventually("the daemon that it starts", ready, READY_TIMEOUT_MS);
      if (clone.#hasEnded) {
        throw new Error(`it ended with status ${child.exitCode}`);
      }
      return clone;
    } catch (cause) {
      await clone[Symbol.asyncDispose]();
      throw new Error(`${command}:\n${clone.output}`, { cause });
    }
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#output += decoder.decode(chunk, { stream: true });
    }
  }

  /** Ends it as Ctrl-C in its terminal does, and waits for the end of all its processes. */
  async interrupt(): Promise<void> {
    process.kill(-this.#child.pid, "SIGINT");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      await this.interrupt();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
