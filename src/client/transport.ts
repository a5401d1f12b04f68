/**
 * The way of every client to a daemon: the Connect protocol under TLS with certificates on both sides, over a Unix
 * socket or TCP. Owns one pool of connections.
 *
 * The HTTP client is Bun's fetch and HTTP/1.1: its first call is some 10 ms quicker than one through node:http2, it
 * connects anew by itself when the daemon was restarted, and a cancelled stream is just a closed connection. It can
 * hold 256 streams at once. Fetch can't name the zone of an IPv6 address, nor what is said before TLS to get into a virtual
 * machine, so these go another way (agent-client.ts), as does everything where there is no such fetch.
 */
import type { Transport } from "@connectrpc/connect";
import { createTransport as createConnectTransport } from "@connectrpc/connect/protocol-connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { type Address, addressText } from "./address.ts";
import { type CredentialPaths, type Credentials, DEFAULT_SERVER_NAME } from "./credentials.ts";
import { MESSAGE_MAX_BYTES, type TlsSettings, requestBody, responseChunks } from "./universal.ts";

export interface TransportOptions {
  readonly address: Address;
  readonly credentials: Credentials;
  /** Where the credentials came from, for messages. */
  readonly paths: CredentialPaths;
  /** The name that the server's certificate has to carry. */
  readonly serverName?: string;
}

export interface ClientTransport extends Transport, Disposable {
  /** Closes idle connections. Calls in flight go on. */
  close(): void;
}

/**
 * Makes a transport. It connects with the first call. When no connection comes about the call fails with UNAVAILABLE
 * and a message that names the address and what to do.
 */
export function createTransport(options: TransportOptions): ClientTransport {
  return transportOver(options, clientFor);
}

/**
 * Makes a transport for calls whose requests are a stream. Each of them has a connection of its own, which `close` ends
 * whether the call is over or not.
 */
export async function createDuplexTransport(options: TransportOptions): Promise<ClientTransport> {
  const { createDuplexClient } = await import("./duplex-client.ts");
  return transportOver(options, createDuplexClient);
}

function transportOver(
  options: TransportOptions,
  clientFor: (address: Address, tls: TlsSettings) => PooledClient,
): ClientTransport {
  const serverName = options.serverName ?? DEFAULT_SERVER_NAME;
  const tls: TlsSettings = {
    ...options.credentials,
    serverName,
    // Said outright: the environment (NODE_TLS_REJECT_UNAUTHORIZED) must not be able to turn it off.
    rejectUnauthorized: true,
  };
  const { client, close } = clientFor(options.address, tls);
  const context = { ...options, serverName };
  const transport = createConnectTransport({
    baseUrl: baseUrl(options.address, serverName),
    useBinaryFormat: true,
    interceptors: [],
    // On one machine, or one link, compression costs more than it saves.
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 0,
    readMaxBytes: MESSAGE_MAX_BYTES,
    writeMaxBytes: MESSAGE_MAX_BYTES,
    httpClient: async (request) => {
      try {
        const response = await client(request);
        return { ...response, body: explained(response.body, options.address) };
      } catch (error) {
        throw (await import("./connect-failure.ts")).connectFailure(error, context);
      }
    },
  });
  return Object.assign(transport, { close, [Symbol.dispose]: close });
}

async function* explained(
  body: AsyncIterable<Uint8Array>,
  address: Address,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw (await import("./connect-failure.ts")).connectionLost(error, address);
  }
}

interface PooledClient {
  readonly client: UniversalClientFn;
  readonly close: () => void;
}

function clientFor(address: Address, tls: TlsSettings): PooledClient {
  const isBeyondFetch =
    address.kind === "vsock" || (address.kind === "tcp" && address.zone !== undefined);
  if (isBeyondFetch || typeof Bun === "undefined" || Bun.FetchSession === undefined) {
    const agent = import("./agent-client.ts").then((module) =>
      module.createAgentClient(address, tls),
    );
    return {
      client: async (request) => (await agent).client(request),
      close: () => void agent.then((it) => it.close()),
    };
  }
  const session = new Bun.FetchSession({
    tls,
    proxy: false,
    ...(address.kind === "unix" ? { unix: address.path } : {}),
  });
  return { client: fetchClient(session), close: () => session.close() };
}

function fetchClient(session: Bun.FetchSession): UniversalClientFn {
  return async (request) => {
    request.header.set("accept-encoding", "identity");
    const response = await session.fetch(request.url, {
      method: request.method,
      headers: request.header,
      body: await requestBody(request.body, MESSAGE_MAX_BYTES),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      protocol: "http1.1",
      redirect: "manual",
      // Bun ends a connection that was silent for five minutes; a Watch may well be.
      timeout: false,
    });
    return {
      status: response.status,
      header: response.headers,
      body: responseChunks(response.body),
      trailer: new Headers(),
    };
  };
}

/** Over a socket the host is only what the request's Host header says. */
function baseUrl(address: Address, serverName: string): string {
  if (address.kind !== "tcp" || address.zone !== undefined) {
    return `https://${serverName}`;
  }
  return `https://${addressText(address)}`;
}
