/**
 * The four kinds of calls, from the plain objects of a script to the wire and back. Requests are checked before anything is
 * sent, and an error tells the line of the script that made the call.
 */
import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import { markCallSite, withCallSite } from "./call-site.ts";
import type { Client } from "./client.ts";
import { defaultClient } from "./create-client.ts";
import { fromWire } from "./message/from-wire.ts";
import { toWire } from "./message/to-wire.ts";
import { retrying } from "./retry.ts";
import type { CallOptions, ServiceClient } from "./service-client.ts";
import { noteConnected, wireOf } from "./wire.ts";

type Answers = StreamResponse<DescMessage, DescMessage>;

/** Calls a method with one request and one answer. */
export async function callUnary<Answer>(
  service: ServiceClient,
  method: DescMethodUnary,
  request: unknown,
  { signal, timeoutMs }: CallOptions,
): Promise<Answer> {
  const site = markCallSite(callUnary);
  try {
    const message = toWire(method.input, request, nameOf(method));
    const client = clientOf(service);
    const { transport } = wireOf(client);
    const response = await retrying(client, method, signal, () =>
      transport.unary(method, signal, timeoutMs, undefined, message),
    );
    noteConnected(client);
    return fromWire(method.output, response.message) as Answer;
  } catch (error) {
    throw withCallSite(error, site);
  }
}

/** Calls a method with one request and a stream of answers. Leaving the loop over them ends the call. */
export function callServerStream<Answer>(
  service: ServiceClient,
  method: DescMethodServerStreaming,
  request: unknown,
  { signal, timeoutMs }: CallOptions,
): AsyncIterable<Answer> {
  const site = markCallSite(callServerStream);
  const message = attempt(site, () => toWire(method.input, request, nameOf(method)));
  const client = attempt(site, () => clientOf(service));
  return answers(site, method, signal, async (until) => {
    const { transport } = wireOf(client);
    const response = await retrying(client, method, until, () =>
      transport.stream(method, until, timeoutMs, undefined, once(message)),
    );
    noteConnected(client);
    return response;
  });
}

/** Calls a method with a stream of requests and one answer. */
export async function callClientStream<Answer>(
  service: ServiceClient,
  method: DescMethodClientStreaming,
  requests: unknown,
  options: CallOptions,
): Promise<Answer> {
  const site = markCallSite(callClientStream);
  const input = attempt(site, () => wired(method, requests));
  const client = attempt(site, () => clientOf(service));
  const stream = answers<Answer>(site, method, options.signal, (until) =>
    openDuplex(client, method, input, { ...options, signal: until }),
  );
  for await (const answer of stream) {
    return answer;
  }
  throw withCallSite(new ConnectError("the daemon sent no answer", Code.Unimplemented), site);
}

/** Calls a method with streams both ways. Leaving the loop over the answers ends the call. */
export function callBidiStream<Answer>(
  service: ServiceClient,
  method: DescMethodBiDiStreaming,
  requests: unknown,
  options: CallOptions,
): AsyncIterable<Answer> {
  const site = markCallSite(callBidiStream);
  const input = attempt(site, () => wired(method, requests));
  const client = attempt(site, () => clientOf(service));
  return answers(site, method, options.signal, (until) =>
    openDuplex(client, method, input, { ...options, signal: until }),
  );
}

function clientOf(service: ServiceClient): Client {
  return service.client ?? defaultClient();
}

function nameOf(method: DescMethod): string {
  return `${method.parent.name}.${method.localName}`;
}

/** Never made again by itself: requests that were taken from a script can't be taken twice. */
async function openDuplex(
  client: Client,
  method: DescMethodClientStreaming | DescMethodBiDiStreaming,
  input: AsyncIterable<Message>,
  { signal, timeoutMs }: CallOptions,
): Promise<Answers> {
  const transport = await wireOf(client).duplex();
  return await transport.stream(method, signal, timeoutMs, undefined, input);
}

function attempt<T>(site: Error, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withCallSite(error, site);
  }
}

/** Connect's own iterables do not hear that a loop over them was left, so the call is ended by its signal then. */
async function* answers<Answer>(
  site: Error,
  method: DescMethod,
  signal: AbortSignal | undefined,
  start: (until: AbortSignal) => Promise<Answers>,
): AsyncGenerator<Answer> {
  const left = new AbortController();
  const until = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  let isOver = false;
  try {
    const response = await start(until);
    for await (const message of response.message) {
      yield fromWire(method.output, message) as Answer;
    }
    isOver = true;
  } catch (error) {
    isOver = true;
    throw withCallSite(error, site);
  } finally {
    if (!isOver) {
      left.abort();
    }
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** The requests of a script, each checked before it is sent. */
function wired(method: DescMethod, requests: unknown): AsyncIterable<Message> {
  if (!isAsyncIterable(requests)) {
    throw new ConnectError(
      `${nameOf(method)}: want the requests as an async iterable, such as an async generator's`,
      Code.InvalidArgument,
    );
  }
  return converted(method, requests);
}

async function* converted(
  method: DescMethod,
  requests: AsyncIterable<unknown>,
): AsyncGenerator<Message> {
  for await (const request of requests) {
    yield toWire(method.input, request, nameOf(method));
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
