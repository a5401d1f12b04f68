/** A host for tests: what is typed, the size and the signals come from the test; what was done to it is told. */
import { Channel } from "../../src/base/channel.ts";
import type { Host, TerminalSize } from "../../src/cli/interactive/host.ts";

export class FakeHost implements Host {
  readonly isInputTerminal: boolean;
  readonly typed = new Channel<Uint8Array>(1_000_000);
  /** How often raw mode was switched on, and whether it is. */
  rawCount = 0;
  isRaw = false;
  wasRead = false;
  now: TerminalSize | undefined;
  readonly #resizes = new Set<() => void>();
  readonly #signals = new Map<(name: NodeJS.Signals) => void, readonly NodeJS.Signals[]>();

  constructor(options: { readonly size?: TerminalSize } = {}) {
    this.now = options.size;
    this.isInputTerminal = options.size !== undefined;
    if (!this.isInputTerminal) {
      this.typed.close();
    }
  }

  /** A host whose standard input is a file. */
  static withInput(...pieces: readonly Uint8Array[]): FakeHost {
    const host = new FakeHost();
    const typed = new Channel<Uint8Array>(1_000_000);
    for (const piece of pieces) {
      typed.offer(piece);
    }
    typed.close();
    return Object.assign(host, { typed });
  }

  get listeners(): number {
    return this.#resizes.size + this.#signals.size;
  }

  type(text: string): void {
    this.typed.offer(Buffer.from(text, "latin1"));
  }

  resize(size: TerminalSize): void {
    this.now = size;
    for (const listener of this.#resizes) {
      listener();
    }
  }

  /** @returns whether somebody took it */
  signal(name: NodeJS.Signals): boolean {
    const takers = [...this.#signals].filter(([, names]) => names.includes(name));
    for (const [listener] of takers) {
      listener(name);
    }
    return takers.length > 0;
  }

  async *input(): AsyncGenerator<Uint8Array> {
    this.wasRead = true;
    yield* this.typed;
  }

  async rawMode(): Promise<Disposable> {
    this.rawCount += 1;
    this.isRaw = true;
    return {
      [Symbol.dispose]: () => {
        this.isRaw = false;
      },
    };
  }

  size(): TerminalSize | undefined {
    return this.now;
  }

  onResize(listener: () => void): Disposable {
    this.#resizes.add(listener);
    return { [Symbol.dispose]: () => void this.#resizes.delete(listener) };
  }

  onSignals(
    names: readonly NodeJS.Signals[],
    listener: (name: NodeJS.Signals) => void,
  ): Disposable {
    this.#signals.set(listener, names);
    return { [Symbol.dispose]: () => void this.#signals.delete(listener) };
  }
}
