/**
 * The HTTP client for where fetch can't go: link-local IPv6 addresses with a zone, `[fe80::2%4]:8080`, since URLs can't hold
 * a zone (WHATWG URL, "host parsing"), and runtimes whose fetch knows neither Unix sockets nor certificates. node:https
 * takes the host apart from the URL. Imported only when needed.
 */
import { Agent, type RequestOptions, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { UniversalClientFn, UniversalClientRequest } from "@connectrpc/connect/protocol";
import type { Address } from "./address.ts";
import { MESSAGE_MAX_BYTES, type TlsSettings, requestBody } from "./universal.ts";

export interface AgentClient {
  readonly client: UniversalClientFn;
  readonly close: () => void;
}

export function createAgentClient(address: Address, tls: TlsSettings): AgentClient {
  const agent = new Agent({ keepAlive: true });
  const { serverName: servername, ...files } = tls;
  const target: RequestOptions = {
    agent,
    ...files,
    servername,
    ...placeOf(address),
  };
  return {
    client: async (request) => {
      const response = await send(target, request);
      return {
        status: response.statusCode ?? 0,
        header: headersOf(response),
        body: response as AsyncIterable<Uint8Array>,
        trailer: new Headers(),
      };
    },
    close: () => agent.destroy(),
  };
}

function placeOf(address: Address): RequestOptions {
  if (address.kind === "unix") {
    return { socketPath: address.path };
  }
  const { host, port, zone } = address;
  return { host: zone === undefined ? host : `${host}%${zone}`, port };
}

async function send(
  target: RequestOptions,
  request: UniversalClientRequest,
): Promise<IncomingMessage> {
  const body = await requestBody(request.body, MESSAGE_MAX_BYTES);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = httpsRequest(
    {
      ...target,
      method: request.method,
      path: new URL(request.url).pathname,
      headers: {
        ...Object.fromEntries(request.header),
        host: target.servername ?? "",
        "content-length": body.byteLength,
        "accept-encoding": "identity",
      },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    },
    resolve,
  );
  call.on("error", reject);
  call.end(body);
  return await promise;
}

function headersOf(response: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) {
      headers.append(name, one);
    }
  }
  return headers;
}
