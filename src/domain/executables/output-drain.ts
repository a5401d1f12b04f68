/** Moves what a process prints from its pipes to where it goes, until nobody can write any more. */
import { settledSoon } from "../../base/soon.ts";
import type { OutputPipe } from "../../kernel/process/processes.ts";
import type { OutputSink, OutputSinks } from "./outputs.ts";

/** How long output may still come once no process of the tree is left: somebody else was handed the pipe. */
const DRAIN_TIMEOUT_MS = 1_000;

/** Each takes all that waits, in most cases. */
const TAKE_TURNS = 16;

export class OutputDrain {
  /** Resolves when nobody can write any more; never rejects. */
  readonly done: Promise<unknown>;
  readonly #pipes: readonly OutputPipe[];
  readonly #sinks: readonly OutputSink[];
  readonly #lost: (error: unknown) => void;
  #isDone = false;

  /** @param lost is told why no more of a pipe is moved */
  constructor(
    { stdout, stderr }: { readonly stdout: OutputPipe; readonly stderr: OutputPipe },
    sinks: OutputSinks,
    lost: (error: unknown) => void,
  ) {
    this.#pipes = [stdout, stderr];
    this.#sinks = [sinks.stdout, sinks.stderr];
    this.#lost = lost;
    const moves = [this.#move(stdout, sinks.stdout), this.#move(stderr, sinks.stderr)];
    this.done = Promise.all(moves).then(() => {
      this.#isDone = true;
    });
  }

  async #move(pipe: OutputPipe, sink: OutputSink): Promise<void> {
    try {
      while (await pipe.readable()) {
        sink.drain(pipe);
      }
    } catch (error) {
      this.#lost(error);
    }
    await this.#close(pipe);
  }

  /** Moves what waits: what a process has printed that has ended, and not all of what others print on and on. */
  take(): void {
    try {
      for (const [i, pipe] of this.#pipes.entries()) {
        for (let turn = 0; pipe.waitingBytes > 0 && turn < TAKE_TURNS; turn++) {
          this.#sinks[i]?.drain(pipe);
        }
      }
    } catch (error) {
      this.#lost(error);
    }
  }

  async #close(pipe: OutputPipe): Promise<void> {
    await pipe.close().catch(this.#lost);
  }

  /** Resolves when all of it is there, or after a while, where others hold a pipe open. Never rejects. */
  async doneSoon(): Promise<void> {
    if (!this.#isDone) {
      await drainedSoon(this.done);
    }
  }

  /** Once no process is left: moves what still comes, for a while where others hold a pipe open. Never rejects. */
  async finish(): Promise<void> {
    if (this.#isDone) {
      return;
    }
    await drainedSoon(this.done);
    await Promise.all(this.#pipes.map((pipe) => this.#close(pipe)));
    await this.done;
  }
}

/** Resolves when all output of a process is there, or after a while, where others hold it open. Never rejects. */
export async function drainedSoon(output: Promise<unknown>): Promise<void> {
  await settledSoon(output, DRAIN_TIMEOUT_MS);
}
