/** Lets others see the output of an executable as it comes, besides being kept. Who listens must not hold it up. */
import type { ExecutableOutput, OutputWriter } from "./outputs.ts";

export type Tap = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

export class TappedOutput implements ExecutableOutput {
  readonly #kept: ExecutableOutput;
  readonly #taps = new Set<Tap>();
  #isClosed = false;
  readonly stdout: ExecutableOutput["stdout"];
  readonly stderr: ExecutableOutput["stderr"];

  constructor(kept: ExecutableOutput) {
    this.#kept = kept;
    this.stdout = { append: (bytes) => this.#append("stdout", bytes) };
    this.stderr = { append: (bytes) => this.#append("stderr", bytes) };
  }

  #append(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#kept[stream].append(bytes);
    for (const tap of this.#taps) {
      tap(stream, bytes);
    }
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
