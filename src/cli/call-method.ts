/**
 * `aer call`: any method, known by its descriptor alone, with requests in JSON. Streams in both directions go on at the
 * same time: each request is sent as it is read, each answer written as it comes.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ClientTransport } from "../client/transport.ts";
import { call, type CallOptions, callStream } from "./call.ts";
import type { OutputFormat } from "./flags.ts";
import { linesOf, messageFrom, wholeText } from "./json-messages.ts";
import type { CliIo } from "./run.ts";
import { answerRenderer } from "./render/answers.ts";
import { styleFrom } from "./render/style.ts";
import { UsageError } from "./usage-error.ts";

export interface MethodCall {
  readonly method: DescMethod;
  /** What stands after the method's name. */
  readonly words: readonly string[];
  readonly output: OutputFormat;
  readonly options: CallOptions;
}

export function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

/**
 * What is wrong with the words is said before anything is sent, but for what standard input holds.
 * @throws UsageError
 */
export function requestsFrom({ method, words }: MethodCall, io: CliIo): AsyncIterable<Message> {
  const { input } = method;
  const isStream = takesStream(method);
  const texts = words.length > 0 ? words : isStream ? ["-"] : ["{}"];
  if (!isStream && texts.length > 1) {
    throw new UsageError(`${method.name} takes one request, and here are ${texts.length}`);
  }
  if (texts.indexOf("-") !== texts.lastIndexOf("-")) {
    throw new UsageError("standard input can be read only once");
  }
  const ready = texts.map((text, at) =>
    text === "-"
      ? undefined
      : messageFrom(input, text, texts.length > 1 ? `request ${at + 1}` : "request"),
  );
  return (async function* () {
    for (const message of ready) {
      if (message !== undefined) {
        yield message;
        continue;
      }
      const host = await io.host();
      if (!isStream) {
        yield messageFrom(input, await wholeText(host.input()), "standard input");
        return;
      }
      for await (const { text, number } of linesOf(host.input())) {
        yield messageFrom(input, text, `line ${number} of standard input`);
      }
    }
  })();
}

/** @param transport one for streams, if the method takes one */
export async function callMethod(
  what: MethodCall,
  requests: AsyncIterable<Message>,
  transport: ClientTransport,
  io: CliIo,
): Promise<void> {
  const { method, output, options } = what;
  const form = {
    output,
    isStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    style: styleFrom(io.env, io.isTerminal),
  };
  const render = await answerRenderer(method.output);
  for await (const answer of await answersTo(method, requests, transport, options)) {
    await io.stdout(render(answer, form));
  }
}

async function answersTo(
  method: DescMethod,
  requests: AsyncIterable<Message>,
  transport: ClientTransport,
  options: CallOptions,
): Promise<AsyncIterable<Message>> {
  if (takesStream(method)) {
    return callStream(transport, method, requests, options);
  }
  for await (const request of requests) {
    return call(transport, method, request, options);
  }
  throw new Error("a request is always there");
}
