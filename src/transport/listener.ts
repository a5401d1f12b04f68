/**
 * One listening socket: binds it, watches over its TLS handshakes, and hands over what comes out of them. A peer that
 * fails its handshake is sent nothing but the TLS alert.
 */
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server as NetServer } from "node:net";
import type { TLSSocket } from "node:tls";
import { AuraeError, messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { type Address, printedAddress } from "./address.ts";
import { type Limits, TCP_KEEPALIVE_MS } from "./limits.ts";
import { credentialOptions, serverOptions, type TlsMaterial } from "./tls.ts";
import { prepareSocketPath, RELAY_SOCKET_MODE, SOCKET_MODE, SocketFile } from "./unix-socket.ts";

export interface ListenerEvents {
  /** A peer with a certificate of our CA. The session is there over HTTP/2 only. */
  readonly onConnection: (socket: TLSSocket, session: ServerHttp2Session | undefined) => void;
  readonly onRequest: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => void;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there; stop it or choose another address with --socket",
  EACCES: "not permitted; run as root or choose another address with --socket",
  EPERM: "not permitted; run as root or choose another address with --socket",
  EADDRNOTAVAIL: "this machine does not have that address; choose another with --socket",
  EINVAL: "the address is not valid; choose another with --socket",
  EROFS: "the file system is read-only; choose another path with --socket or --runtime-dir",
};

function bindError(address: Address, error: unknown): AuraeError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why = REMEDIES[code] ?? `${messageOf(error)}; choose another address with --socket`;
  return new AuraeError(
    "failed_precondition",
    `cannot listen on "${printedAddress(address)}": ${why}`,
    {
      cause: error,
    },
  );
}

function bind(server: NetServer, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(bindError(address, error));
    server.once("error", fail);
    const done = () => {
      server.off("error", fail);
      resolve();
    };
    try {
      if (address.kind === "tcp") {
        server.listen({ host: address.host, port: address.port }, done);
      } else {
        server.listen({ path: address.path }, done);
      }
    } catch (error) {
      fail(error);
    }
  });
}

/** What a peer that can't speak HTTP/1.1 is told; only ever sent inside TLS, after the handshake. */
function answerClientError(error: NodeJS.ErrnoException, socket: TLSSocket): void {
  log.trace("peer refused", { reason: error.message });
  if (error.code?.startsWith("HPE_") && socket.authorized && socket.writable) {
    const status =
      error.code === "HPE_HEADER_OVERFLOW"
        ? "431 Request Header Fields Too Large"
        : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.once("finish", () => socket.destroy());
    return;
  }
  socket.destroy();
}

/** Unfinished handshakes, oldest first. */
class Handshakes {
  readonly #pending = new Set<TLSSocket>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  begin(socket: TLSSocket): void {
    this.#pending.add(socket);
    socket.once("close", () => this.#pending.delete(socket));
    if (this.#pending.size > this.#max) {
      const [oldest] = this.#pending;
      oldest?.destroy();
    }
  }

  end(socket: TLSSocket): void {
    this.#pending.delete(socket);
  }

  destroyAll(): void {
    for (const socket of [...this.#pending]) {
      socket.destroy();
    }
  }
}

export class Listener {
  readonly #server: Http2SecureServer;
  readonly #handshakes: Handshakes;
  readonly #asked: Address;
  #socketFile: SocketFile | undefined;

  private constructor(asked: Address, tls: TlsMaterial, limits: Limits, events: ListenerEvents) {
    this.#asked = asked;
    this.#handshakes = new Handshakes(limits.maxHandshakes);
    this.#server = createSecureServer(serverOptions(tls, limits));
    this.#server.on("request", events.onRequest);
    this.#server.on("connection", (socket) => this.#handshakes.begin(socket as TLSSocket));
    // The server makes the session in its own 'secureConnection' listener, which ran before ours.
    let made: ServerHttp2Session | undefined;
    this.#server.on("session", (session) => {
      made = session;
    });
    this.#server.on("secureConnection", (socket) => {
      const session = made;
      made = undefined;
      this.#handshakes.end(socket);
      if (asked.kind === "tcp") {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
      }
      events.onConnection(socket, session);
    });
    this.#server.on("clientError", answerClientError);
    // Without a listener, Bun leaves the socket of a CONNECT request open.
    this.#server.on("connect", (_request: unknown, socket: unknown) => {
      if (typeof socket === "object" && socket !== null && "destroy" in socket) {
        (socket as TLSSocket).destroy();
      }
    });
  }

  /** @throws {AuraeError} failed_precondition naming the address and what to do */
  static async open(
    asked: Address,
    tls: TlsMaterial,
    limits: Limits,
    events: ListenerEvents,
  ): Promise<Listener> {
    if (asked.kind !== "tcp") {
      await prepareSocketPath(asked.path);
    }
    const listener = new Listener(asked, tls, limits, events);
    await bind(listener.#server, asked);
    listener.#server.on("error", (error) => {
      log.error("listener failed", { address: printedAddress(asked), reason: messageOf(error) });
    });
    if (asked.kind !== "tcp") {
      const mode = asked.kind === "relay" ? RELAY_SOCKET_MODE : SOCKET_MODE;
      listener.#socketFile = new SocketFile(asked.path, mode);
    }
    return listener;
  }

  /** Where it listens, with the port that the kernel chose for port 0. */
  get address(): Address {
    const bound = this.#server.address();
    if (this.#asked.kind !== "tcp" || bound === null || typeof bound === "string") {
      return this.#asked;
    }
    return { kind: "tcp", host: bound.address, port: bound.port };
  }

  updateTls(tls: TlsMaterial): void {
    this.#server.setSecureContext(credentialOptions(tls));
  }

  /** Accepts no more, and ends what has not finished its handshake. */
  close(): void {
    this.#server.close();
    this.#handshakes.destroyAll();
    this.#socketFile?.[Symbol.dispose]();
    this.#socketFile = undefined;
  }
}
