/**
 * What Exec and Attach have in common: input, window sizes and signals go out on one stream while output comes back on
 * the other, and the terminal is as it was when it is over, however it ends.
 */
import { constants } from "node:os";
import { Channel } from "../../base/channel.ts";
import type { ExitStatus } from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { CliIo } from "../run.ts";
import { EXIT } from "../exit-codes.ts";
import { DetachKeys } from "./detach-keys.ts";
import { DEFAULT_SIZE, type Host, type TerminalSize } from "./host.ts";

/** How many pieces of input may wait for the daemon; more are not read. */
const WAITING_MAX = 16;

/** What is sent after the start, in the form both protocols share. */
export type Input =
  | { readonly case: "stdin"; readonly value: Uint8Array }
  | { readonly case: "stdinEnd"; readonly value: boolean }
  | { readonly case: "resize"; readonly value: TerminalSize };

/** What comes back, as far as both share it. */
export type Output =
  | { readonly case: "stdout" | "stderr"; readonly value: Uint8Array }
  | { readonly case: "exitStatus"; readonly value: ExitStatus };

/** Requests of one stream: those that wait, and those that replace each other. */
export class Requests<T> {
  readonly channel = new Channel<T>(WAITING_MAX);

  /** Never fails: what comes when the call is over has nowhere to go. */
  send(request: T): void {
    void this.channel.push(request);
  }
}

/** Reads standard input to its end, no faster than it is taken. */
export async function sendInput<T>(
  host: Host,
  { channel }: Requests<T>,
  wrap: (input: Input) => T,
  filter: (bytes: Uint8Array) => Uint8Array | undefined = (bytes) => bytes,
): Promise<void> {
  for await (const bytes of host.input()) {
    const pass = filter(bytes);
    if (pass === undefined) {
      return;
    }
    if (pass.byteLength > 0 && !(await channel.push(wrap({ case: "stdin", value: pass })))) {
      return;
    }
  }
  await channel.push(wrap({ case: "stdinEnd", value: true }));
}

/** Tells of each new size of the terminal. */
export function sendSizes<T>(
  host: Host,
  requests: Requests<T>,
  wrap: (input: Input) => T,
): Disposable {
  return host.onResize(() => {
    requests.send(wrap({ case: "resize", value: host.size() ?? DEFAULT_SIZE }));
  });
}

/** Ends the call at one of these; `code` is what aer ends with then. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #undo: Disposable;
  #code: number | undefined;

  constructor(host: Host, names: readonly NodeJS.Signals[]) {
    this.#undo = host.onSignals(names, (name) => this.end(128 + constants.signals[name]));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get code(): number | undefined {
    return this.#code;
  }

  end(code: number): void {
    this.#code ??= code;
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    this.#undo[Symbol.dispose]();
  }
}

/** Sends standard input. Where our terminal is in raw mode, ctrl-p ctrl-q leaves: the call ends, and well. */
export function sendTyped<T>(
  host: Host,
  requests: Requests<T>,
  wrap: (input: Input) => T,
  interruption: Interruption,
  isRaw: boolean,
): void {
  const keys = new DetachKeys();
  const filter = (bytes: Uint8Array): Uint8Array | undefined => {
    const { pass, isDetached } = keys.push(bytes);
    if (isDetached) {
      interruption.end(EXIT.ok);
      return undefined;
    }
    return pass;
  };
  sendInput(host, requests, wrap, isRaw ? filter : undefined).catch((error: unknown) =>
    requests.channel.close(error),
  );
}

/** Writes a piece of output where it belongs. */
export async function writeOutput(io: CliIo, output: Output): Promise<void> {
  if (output.case === "stdout") {
    await io.stdout(output.value);
  } else if (output.case === "stderr") {
    await io.stderr(output.value);
  }
}
