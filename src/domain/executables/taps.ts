/** Lets others see the output of an executable as it comes, besides being kept. Who listens must not hold it up. */
import type { OutputBytes } from "../../kernel/process/processes.ts";
import type { ExecutableOutput, OutputSinks, OutputWriter } from "./outputs.ts";

type StreamName = keyof OutputSinks;

/** The bytes are a copy, and may be kept. */
export type Tap = (stream: StreamName, bytes: Uint8Array) => void;

export class TappedOutput implements ExecutableOutput {
  readonly #kept: ExecutableOutput;
  readonly #taps = { stdout: new Set<Tap>(), stderr: new Set<Tap>() } as const;
  #isClosed = false;
  readonly stdout: ExecutableOutput["stdout"];
  readonly stderr: ExecutableOutput["stderr"];

  constructor(kept: ExecutableOutput) {
    this.#kept = kept;
    this.stdout = { drain: (waiting) => this.#drain("stdout", waiting) };
    this.stderr = { drain: (waiting) => this.#drain("stderr", waiting) };
  }

  #drain(stream: StreamName, waiting: OutputBytes): void {
    const taps = this.#taps[stream];
    const tell = (bytes: Uint8Array): void => {
      const copy = Uint8Array.from(bytes);
      for (const tap of taps) {
        tap(stream, copy);
      }
    };
    this.#kept[stream].drain(waiting, taps.size > 0 ? tell : undefined);
  }

  /** @param stream left out for both: of one that nobody listens to, nothing is copied */
  tap(tap: Tap, stream?: StreamName): Disposable {
    const { stdout, stderr } = this.#taps;
    const all = stream === undefined ? [stdout, stderr] : [this.#taps[stream]];
    for (const taps of all) {
      taps.add(tap);
    }
    return {
      [Symbol.dispose]: () => {
        for (const taps of all) {
          taps.delete(tap);
        }
      },
    };
  }

  begin(process: OutputWriter): void {
    this.#kept.begin(process);
  }

  end(): void {
    if (!this.#isClosed) {
      this.#kept.end();
    }
  }

  /** Called again, it does nothing. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#kept.close();
    }
  }
}
