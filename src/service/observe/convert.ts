/** From output and log lines to the messages of `aurae.observe.v0`. */
import { isUtf8 } from "node:buffer";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { LogRead } from "../../base/log-ring.ts";
import { STREAM_NAMES, type StreamName } from "../../domain/output/layout.ts";
import type { Line } from "../../domain/output/line-splitter.ts";
import type { OutputChunk } from "../../domain/output/sources.ts";
import {
  type GetAuraeDaemonLogStreamResponseSchema,
  type GetSubProcessStreamResponse,
  GetSubProcessStreamResponseSchema,
  LogChannelType,
} from "../../gen/aurae/observe/v0/observe_pb.ts";

/** The name of the daemon's log among channels, as in the original. */
const DAEMON_CHANNEL = "auraed";

/** What the two streams of a history are called. */
export interface Channels {
  readonly types: Readonly<Record<StreamName, LogChannelType>>;
  readonly names: Readonly<Record<StreamName, string>>;
}

export const EXECUTABLE_CHANNELS: Channels = {
  types: { stdout: LogChannelType.STDOUT, stderr: LogChannelType.STDERR },
  names: { stdout: "stdout", stderr: "stderr" },
};

export const VM_CHANNELS: Channels = {
  types: { stdout: LogChannelType.CONSOLE, stderr: LogChannelType.SERIAL },
  names: { stdout: "console", stderr: "serial" },
};

/** @returns none for a stream that there is not */
export function streamsFromProto(
  { types }: Channels,
  channel: LogChannelType,
): readonly StreamName[] {
  return STREAM_NAMES.filter(
    (name) => channel === LogChannelType.UNSPECIFIED || channel === types[name],
  );
}

function seconds(timeMs: number): bigint {
  return BigInt(Math.floor(timeMs / 1000));
}

/** Messages of whole blocks, which all who follow share: made once for each. */
const shared = new WeakMap<Uint8Array, GetSubProcessStreamResponse>();

export function rawToProto({ types }: Channels, chunk: OutputChunk): GetSubProcessStreamResponse {
  const { bytes, stream, missedBytes } = chunk;
  const known = missedBytes === 0 ? shared.get(bytes) : undefined;
  if (known !== undefined) {
    return known;
  }
  const message = create(GetSubProcessStreamResponseSchema, {
    data: bytes as Uint8Array<ArrayBuffer>,
    channelType: types[stream],
    missedBytes: BigInt(missedBytes),
  });
  if (missedBytes === 0) {
    shared.set(bytes, message);
  }
  return message;
}

/** Without a line: only that something is missing. */
export function lineToProto(
  { types, names }: Channels,
  executable: string,
  stream: StreamName,
  line: Line | undefined,
  missedBytes: number,
): MessageInitShape<typeof GetSubProcessStreamResponseSchema> {
  const missed = { missedBytes: BigInt(missedBytes) };
  if (line === undefined) {
    return { ...missed, channelType: types[stream] };
  }
  const { bytes, timeMs, isPartial } = line;
  return {
    ...missed,
    item: {
      channel: `${executable}::${names[stream]}`,
      line: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
      timestamp: seconds(timeMs),
      partial: isPartial,
      ...(isUtf8(bytes) ? {} : { rawLine: bytes as Uint8Array<ArrayBuffer> }),
    },
  };
}

export function* logToProto({
  text,
  timeMs,
  missedLines,
}: LogRead): Generator<MessageInitShape<typeof GetAuraeDaemonLogStreamResponseSchema>> {
  const item = { channel: DAEMON_CHANNEL, timestamp: seconds(timeMs) };
  if (missedLines > 0) {
    yield { item: { ...item, line: `${missedLines} lines of the log were missed here` } };
  }
  yield { item: { ...item, line: text } };
}
