/** Lets others see the output of an executable as it comes, besides being kept. Who listens must not hold it up. */
import type { OutputBytes } from "../../kernel/process/processes.ts";
import type { ExecutableOutput, OutputWriter } from "./outputs.ts";

/** The bytes are a copy, and may be kept. */
export type Tap = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

export class TappedOutput implements ExecutableOutput {
  readonly #kept: ExecutableOutput;
  readonly #taps = new Set<Tap>();
  #isClosed = false;
  readonly stdout: ExecutableOutput["stdout"];
  readonly stderr: ExecutableOutput["stderr"];

  constructor(kept: ExecutableOutput) {
    this.#kept = kept;
    this.stdout = { drain: (waiting) => this.#drain("stdout", waiting) };
    this.stderr = { drain: (waiting) => this.#drain("stderr", waiting) };
  }

  #drain(stream: "stdout" | "stderr", waiting: OutputBytes): void {
    const tell = (bytes: Uint8Array): void => {
      const copy = Uint8Array.from(bytes);
      for (const tap of this.#taps) {
        tap(stream, copy);
      }
    };
    this.#kept[stream].drain(waiting, this.#taps.size > 0 ? tell : undefined);
  }

  tap(tap: Tap): Disposable {
    this.#taps.add(tap);
    return { [Symbol.dispose]: () => void this.#taps.delete(tap) };
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
