/** Output as lines, each in a message of its own with its channel and its time. */
import { nextTurn } from "../../base/next-turn.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StreamName } from "../../domain/output/layout.ts";
import { LineSplitter } from "../../domain/output/line-splitter.ts";
import type { OutputChunk } from "../../domain/output/sources.ts";
import type { GetSubProcessStreamResponseSchema } from "../../gen/aurae/observe/v0/observe_pb.ts";
import { type Channels, lineToProto } from "./convert.ts";

/** After this long without more, the beginning of a line is sent: a prompt has no end of line. */
const PROMPT_MS = 200;

type Response = MessageInitShape<typeof GetSubProcessStreamResponseSchema>;

class Lines {
  readonly #channels: Channels;
  readonly #executable: string;
  readonly #splitters: Readonly<Record<StreamName, LineSplitter>> = {
    stdout: new LineSplitter(),
    stderr: new LineSplitter(),
  };

  constructor(channels: Channels, executable: string) {
    this.#channels = channels;
    this.#executable = executable;
  }

  get hasRest(): boolean {
    return this.#splitters.stdout.hasRest || this.#splitters.stderr.hasRest;
  }

  *add({ stream, bytes, timeMs, missedBytes }: OutputChunk): Generator<Response> {
    let missed = missedBytes;
    if (missed > 0) {
      yield* this.#rest(stream);
    }
    for (const line of this.#splitters[stream].add(bytes, timeMs)) {
      yield lineToProto(this.#channels, this.#executable, stream, line, missed);
      missed = 0;
    }
    if (missed > 0) {
      yield lineToProto(this.#channels, this.#executable, stream, undefined, missed);
    }
  }

  *rests(): Generator<Response> {
    yield* this.#rest("stdout");
    yield* this.#rest("stderr");
  }

  *#rest(stream: StreamName): Generator<Response> {
    const line = this.#splitters[stream].rest();
    if (line !== undefined) {
      yield lineToProto(this.#channels, this.#executable, stream, line, 0);
    }
  }
}

/** Resolves with the next chunk, or with "late" if it takes too long. */
async function within<T>(next: Promise<T>, timeoutMs: number): Promise<T | "late"> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), timeoutMs);
  try {
    const first = await Promise.race([next, late]);
    if (first !== "late") {
      return first;
    }
    // An event loop that was busy runs its timers first: what is there by now has come in time.
    await nextTurn();
    return await Promise.race([next, "late" as const]);
  } finally {
    clearTimeout(timer);
  }
}

export async function* linesOf(
  channels: Channels,
  executable: string,
  chunks: AsyncIterable<OutputChunk>,
): AsyncGenerator<Response> {
  const lines = new Lines(channels, executable);
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      if (lines.hasRest && (await within(next, PROMPT_MS)) === "late") {
        yield* lines.rests();
      }
      const { done, value } = await next;
      if (done === true) {
        break;
      }
      yield* lines.add(value);
    }
    yield* lines.rests();
  } finally {
    await iterator.return?.();
  }
}
