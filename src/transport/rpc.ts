/**
 * What answers the requests of the server: finds the handler of an RPC by its path and runs it. Here Connect comes in,
 * which takes a good part of the start to load; so the server listens without this module and is handed it later.
 */
import { constants } from "node:http2";
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { Principal } from "../authz/identity.ts";
import { principalKey } from "../authz/principal-key.ts";
import { binaryOptions } from "./binary-options.ts";
import type { Connection } from "./connection.ts";
import {
  endUpload,
  HttpExchange,
  type NodeRequest,
  type NodeResponse,
  writeHead,
} from "./exchange.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { sharedAnswersInterceptor } from "./shared-answers.ts";

export interface RpcOptions {
  readonly routes: (router: ConnectRouter) => void;
  readonly interceptors?: readonly Interceptor[];
  /** Reads JSON: answers each call, and decodes the bytes of its messages; throws to refuse them. */
  readonly jsonText: { call(answer: () => void): void; decode(bytes?: Uint8Array): string };
  /** Runs before a request's body is read; throws to refuse it. */
  readonly gate?: (context: HandlerContext) => void | Promise<void>;
  readonly limits?: Partial<Limits>;
}

/** Answers one request of an authenticated connection. Never throws. */
export type AnswerRequest = (
  request: NodeRequest,
  response: NodeResponse,
  connection: Connection<Principal>,
) => void;

function handlersByPath(options: RpcOptions, limits: Limits): Map<string, UniversalHandler> {
  const jsonOptions = {
    // Connect ignores what it does not know in JSON; a misspelt limit must not become no limit.
    ignoreUnknownFields: false,
    // It is in Connect's JsonSerializationOptions, but not in the type of a router's options.
    textDecoder: options.jsonText,
  };
  const router = createConnectRouter({
    acceptCompression: [compressionGzip],
    readMaxBytes: limits.maxMessageBytes,
    jsonOptions,
    binaryOptions: binaryOptions(limits.maxMessageParts),
    interceptors: [sharedAnswersInterceptor, ...(options.interceptors ?? [])],
    ...(options.gate === undefined ? {} : { requestGate: options.gate }),
  });
  options.routes(router);
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function answerNotFound(request: NodeRequest, response: NodeResponse): void {
  response.on("error", () => undefined);
  const headers: Record<string, string> = { "content-length": "0" };
  if (!("stream" in request) && !request.complete) {
    headers.connection = "close";
  }
  writeHead(response, 404, headers);
  response.end();
  endUpload(request);
}

/** One too many on its connection. */
function refuse(request: NodeRequest): void {
  if ("stream" in request) {
    request.stream.close(constants.NGHTTP2_REFUSED_STREAM);
  } else {
    request.socket.destroy();
  }
}

/** A place of its own for the text of its messages costs a call something at each of its steps. */
function mayHaveJson({ method, headers }: NodeRequest): boolean {
  return method !== "POST" || headers["content-type"]?.includes("json") !== false;
}

export function createRpcAnswer(options: RpcOptions): AnswerRequest {
  const limits = { ...LIMITS, ...options.limits };
  const handlers = handlersByPath(options, limits);
  return (request, response, connection) => {
    if (!connection.admit()) {
      refuse(request);
      return;
    }
    const [path = ""] = (request.url ?? "").split("?", 1);
    const handler = handlers.get(path);
    if (handler === undefined) {
      answerNotFound(request, response);
      return;
    }
    const values = createContextValues().set(principalKey, connection.principal);
    const exchange = new HttpExchange(request, response, handler, connection, limits.bodyTimeoutMs);
    if (mayHaveJson(request)) {
      options.jsonText.call(() => void exchange.run(values));
    } else {
      void exchange.run(values);
    }
  };
}
