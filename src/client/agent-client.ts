/**
 * The HTTP client for where fetch can't go: link-local IPv6 addresses with a zone, `[fe80::2%4]:8080`, since URLs can't hold
 * a zone (WHATWG URL, "host parsing"), virtual machines by their host's socket, and runtimes whose fetch knows neither Unix
 * sockets nor certificates. node:https takes the host, or a connection, apart from the URL. Imported only when needed.
 */
import { Agent, type RequestOptions, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { UniversalClientFn, UniversalClientRequest } from "@connectrpc/connect/protocol";
import type { Address } from "./address.ts";
import { connectVsock, type VsockAddress } from "./vsock.ts";
import { MESSAGE_MAX_BYTES, type TlsSettings, requestBody } from "./universal.ts";

export interface AgentClient {
  readonly client: UniversalClientFn;
  readonly close: () => void;
}

export function createAgentClient(address: Address, tls: TlsSettings): AgentClient {
  const agent =
    address.kind === "vsock" ? new VsockAgent(address, tls) : new Agent({ keepAlive: true });
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

/** Connections into a virtual machine: its monitor is told the port first, and then TLS begins. */
class VsockAgent extends Agent {
  readonly #address: VsockAddress;
  readonly #tls: TlsSettings;

  constructor(address: VsockAddress, tls: TlsSettings) {
    super({ keepAlive: true });
    this.#address = address;
    this.#tls = tls;
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { serverName: servername, ...files } = this.#tls;
    const open = async (): Promise<Duplex> => {
      const socket = await connectVsock(this.#address);
      const secure = connectTls({ socket, ...files, servername });
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onClose = (): void => {
        const closed = new Error("the other side closed it");
        reject(Object.assign(closed, { code: "ECONNRESET" }));
      };
      secure.once("secureConnect", resolve);
      secure.once("error", reject);
      secure.once("close", onClose);
      try {
        await promise;
        return secure;
      } catch (error) {
        secure.on("error", () => undefined);
        secure.destroy();
        socket.destroy();
        throw error;
      } finally {
        secure.off("error", reject);
        secure.off("close", onClose);
      }
    };
    open().then(
      (stream) => done?.(null, stream),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  }
}

function placeOf(address: Address): RequestOptions {
  if (address.kind === "unix") {
    return { socketPath: address.path };
  }
  if (address.kind === "vsock") {
    return {};
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
