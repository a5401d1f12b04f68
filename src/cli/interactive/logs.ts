/**
 * `aer cell logs`: the output of an executable, byte for byte, each stream to ours of the same name. What was missed is
 * told as a number on standard error. `aer vm logs` does the same for ports, all of which go to our standard output.
 */
import { createClient } from "@connectrpc/connect";
import {
  type GetSubProcessStreamRequest,
  type GetSubProcessStreamResponse,
  GetSubProcessStreamResponseSchema,
  LogChannelType,
  type LogItem,
  ObserveService,
} from "../../gen/aurae/observe/v0/observe_pb.ts";
import { EXIT } from "../exit-codes.ts";
import type { FlagSpec } from "../flags.ts";
import { LOG_FLAGS } from "../log-flags.ts";
import { answerRenderer } from "../render/answers.ts";
import { timeText } from "../render/times.ts";
import { PLAIN } from "../render/style.ts";
import type { CliIo } from "../run.ts";
import { UsageError } from "../usage-error.ts";
import { parseInstant } from "../values.ts";
import type { Tool } from "./tool.ts";

/** @param streams what the flag may say, and what that is */
export function createLogs(
  streamFlag: FlagSpec,
  streams: Readonly<Record<string, LogChannelType>>,
): Tool {
  return async (context) => {
    const { flag, io, output } = context;
    const request = context.request as GetSubProcessStreamRequest;
    const stream = flag(streamFlag) ?? "both";
    const channel = streams[stream];
    if (channel === undefined) {
      throw new UsageError(
        `--stream: want one of ${Object.keys(streams).join(", ")}, not "${stream}"`,
      );
    }
    const since = flag(LOG_FLAGS.since);
    const hasTimes = flag(LOG_FLAGS.timestamps) !== undefined;
    request.channelType = channel;
    request.follow = flag(LOG_FLAGS.follow) !== undefined;
    request.raw = output === "table" && !hasTimes;
    if (since !== undefined) {
      request.sinceMs = BigInt(parseInstant(since, "--since", Date.now()));
    }
    const answers = createClient(ObserveService, context.transport).getSubProcessStream(request, {
      signal: io.signal,
      ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
    });
    const render = await answerRenderer(GetSubProcessStreamResponseSchema);
    const writer = new OutputWriter(io, context.say);
    for await (const answer of answers) {
      if (output === "json") {
        const form = { output, isStream: true, style: PLAIN };
        await io.stdout(render(answer, form));
      } else {
        await writer.write(answer);
      }
    }
    return EXIT.ok;
  };
}

/** `aer cell logs`. */
export const logs: Tool = createLogs(LOG_FLAGS.stream, {
  stdout: LogChannelType.STDOUT,
  stderr: LogChannelType.STDERR,
  both: LogChannelType.UNSPECIFIED,
});

/** By the last part of an item's channel. */
const CHANNELS: Readonly<Record<string, LogChannelType>> = {
  stdout: LogChannelType.STDOUT,
  stderr: LogChannelType.STDERR,
  console: LogChannelType.CONSOLE,
  serial: LogChannelType.SERIAL,
};

/** Writes what GetSubProcessStream answers with, raw or by lines. */
export class OutputWriter {
  readonly #io: CliIo;
  readonly #say: (line: string) => Promise<void>;
  /** The streams whose last piece was no whole line. */
  readonly #open = new Set<LogChannelType>();

  constructor(io: CliIo, say: (line: string) => Promise<void>) {
    this.#io = io;
    this.#say = say;
  }

  async write({
    item,
    data,
    channelType,
    missedBytes,
  }: GetSubProcessStreamResponse): Promise<void> {
    if (missedBytes > 0n) {
      await this.#say(`${missedBytes} bytes missed here`);
    }
    if (item !== undefined) {
      const channel = CHANNELS[item.channel.split("::").at(-1) ?? ""] ?? LogChannelType.STDOUT;
      await this.#put(channel, this.#lineOf(item, channel));
    } else if (data.byteLength > 0) {
      await this.#put(channelType, data);
    }
  }

  async #put(channel: LogChannelType, bytes: Uint8Array): Promise<void> {
    await (channel === LogChannelType.STDERR ? this.#io.stderr(bytes) : this.#io.stdout(bytes));
  }

  #lineOf(item: LogItem, channel: LogChannelType): Uint8Array {
    const time = this.#open.has(channel) ? "" : `${timeText(item.timestamp)} `;
    if (item.partial) {
      this.#open.add(channel);
    } else {
      this.#open.delete(channel);
    }
    const line = item.rawLine.byteLength > 0 ? item.rawLine : Buffer.from(item.line);
    return Buffer.concat([Buffer.from(time), line, Buffer.from(item.partial ? "" : "\n")]);
  }
}
