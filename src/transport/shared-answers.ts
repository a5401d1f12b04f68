/**
 * Has a message that many streams send at the same time, such as the output of one executable that ten people follow,
 * serialized, compressed and framed once. Connect does each of these for every stream anew, which costs more than TLS.
 *
 * An interceptor takes the messages of a server stream out and sends Connect empty ones in their place; when these come
 * back as bytes, in the same order, the exchange puts the real ones in. The protocols differ in what is around the
 * frames of messages, and not in the frames. Small messages that are there already go together, one empty message for
 * all of them: a line of a log costs a fifth of what it would on its own.
 */
import { nextTurn } from "../base/next-turn.ts";
import {
  Code,
  ConnectError,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type StreamResponse,
} from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import {
  compressedFlag,
  createMethodSerializationLookup,
  encodeEnvelope,
} from "@connectrpc/connect/protocol";

type DescMethod = HandlerContext["method"];
type Message = StreamResponse["message"] extends AsyncIterable<infer T> ? T : never;

/** The media types whose messages are binary and in frames. */
const FRAMED = /^application\/(?:grpc(?:-web)?(?:\+proto)?|connect\+proto)(?:;|$)/i;

/** Below this, compression is not worth it; Connect's own bound. */
const COMPRESS_MIN_BYTES = 1_024;

/** So many bytes of messages go together at most, and one that reaches it goes alone. */
const BATCH_BYTES = 16 * 1024;

/** An empty message in a frame. */
const EMPTY_FRAME_BYTES = 5;

const NO_LIMIT = { readMaxBytes: 0xffffffff, writeMaxBytes: 0xffffffff };

interface Serialization {
  readonly serialize: (message: Message) => Uint8Array;
  readonly empty: Message;
}

const serializations = new WeakMap<DescMethod, Serialization>();

function serializationOf(method: DescMethod): Serialization {
  let known = serializations.get(method);
  if (known === undefined) {
    const { serialize, parse } = createMethodSerializationLookup(
      method,
      undefined,
      undefined,
      NO_LIMIT,
    ).getO(true);
    known = { serialize, empty: parse(new Uint8Array(0)) };
    serializations.set(method, known);
  }
  return known;
}

/** A message as it is sent, for all who send it. */
class Frame {
  readonly #plain: Uint8Array;
  #gzip: Promise<Uint8Array> | undefined;

  constructor(bytes: Uint8Array) {
    this.#plain = encodeEnvelope(0, bytes);
  }

  get length(): number {
    return this.#plain.length;
  }

  get(encoding: string | null): Uint8Array | Promise<Uint8Array> {
    const bytes = this.#plain.subarray(EMPTY_FRAME_BYTES) as Uint8Array<ArrayBuffer>;
    if (encoding !== compressionGzip.name || bytes.length < COMPRESS_MIN_BYTES) {
      return this.#plain;
    }
    this.#gzip ??= compress(bytes);
    return this.#gzip;
  }
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return encodeEnvelope(compressedFlag, await compressionGzip.compress(bytes));
}

const frames = new WeakMap<Message, Frame>();

function frameOf(message: Message, serialization: Serialization): Frame {
  let known = frames.get(message);
  if (known === undefined) {
    known = new Frame(serialization.serialize(message));
    frames.set(message, known);
  }
  return known;
}

/** The messages of one exchange that are on their way through Connect. */
export class SharedAnswers {
  readonly #batches: (readonly Frame[])[] = [];

  push(frames: readonly Frame[]): void {
    this.#batches.push(frames);
  }

  /**
   * What is sent in place of a chunk that Connect has made.
   * @param encoding of the stream's messages, from the headers of the answer
   */
  async replace(chunk: Uint8Array, encoding: string | null): Promise<Uint8Array> {
    const batch = this.#batches.shift();
    if (batch === undefined) {
      return chunk;
    }
    if (chunk.length !== EMPTY_FRAME_BYTES) {
      throw new ConnectError("messages and chunks do not go together", Code.Internal);
    }
    const [only] = batch;
    if (only !== undefined && batch.length === 1) {
      return only.get(encoding);
    }
    return Buffer.concat(await Promise.all(batch.map((frame) => frame.get(encoding))));
  }
}

/** Set for exchanges that replace what Connect makes. */
export const sharedAnswersKey = createContextKey<SharedAnswers | undefined>(undefined);

async function* emptied(
  messages: AsyncIterable<Message>,
  serialization: Serialization,
  answers: SharedAnswers,
): AsyncGenerator<Message> {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    let pending = iterator.next();
    for (;;) {
      let next: IteratorResult<Message> | undefined = await pending;
      if (next.done === true) {
        return;
      }
      const batch: Frame[] = [];
      const turn = nextTurn();
      for (let bytes = 0; next !== undefined && next.done !== true;) {
        const frame = frameOf(next.value, serialization);
        batch.push(frame);
        bytes += frame.length;
        pending = iterator.next();
        // How it fails is seen by who waits for it, which may be later.
        const soon = Promise.race([pending, turn]).catch(() => undefined);
        next = bytes < BATCH_BYTES ? await soon : undefined;
      }
      answers.push(batch);
      yield serialization.empty;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Must be the outermost. */
export const sharedAnswersInterceptor: Interceptor = (next) => async (request) => {
  const response = await next(request);
  const answers = request.contextValues.get(sharedAnswersKey);
  if (answers === undefined || !response.stream || !FRAMED.test(contentTypeOf(request.header))) {
    return response;
  }
  const message = emptied(response.message, serializationOf(request.method), answers);
  return { ...response, message };
};

function contentTypeOf(header: Headers): string {
  return header.get("content-type") ?? "";
}

/** How the messages of a stream are compressed, by the headers of the answer. */
export function encodingOf(header: Headers | undefined): string | null {
  return header?.get("grpc-encoding") ?? header?.get("connect-content-encoding") ?? null;
}
