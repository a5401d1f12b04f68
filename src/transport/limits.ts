/**
 * Every bound of the server, by name. What a peer may make the daemon hold or wait for stands here and nowhere else;
 * each has a test in `test/integration/server-limits.test.ts` or `server-connections.test.ts`.
 */
export interface Limits {
  /** Largest request message, after decompression, in bytes. Above it: INVALID_ARGUMENT. */
  readonly maxMessageBytes: number;
  /** Most nested messages and unknown fields of a binary message, counted together. Above it: INVALID_ARGUMENT. */
  readonly maxMessageParts: number;
  /** Largest block of request headers, in bytes. Above it: 431 over HTTP/1.1, the stream or session ends over HTTP/2. */
  readonly maxHeaderBytes: number;
  /**
   * Most requests in flight on one connection, and most that one turn of the event loop takes from it. Further streams
   * are refused; a pipelining HTTP/1.1 peer is cut off.
   */
  readonly maxConcurrentStreams: number;
  /** Most streams of one connection that are refused. One more ends it: a refusal costs almost as much as an answer. */
  readonly maxRefusedStreams: number;
  /**
   * Most authenticated connections, all listeners together. For one more, the principal with the most connections loses
   * the one that has been idle for the longest.
   */
  readonly maxConnections: number;
  /** Most of them that belong to one principal. One more ends its longest idle one, or is closed if none is idle. */
  readonly maxConnectionsPerPrincipal: number;
  /** Most unfinished TLS handshakes of one listener. One more ends the oldest, so that a flood can't starve others. */
  readonly maxHandshakes: number;
  /** How long a connection may have no request in flight. */
  readonly idleTimeoutMs: number;
  /** How long a TLS handshake may take. */
  readonly handshakeTimeoutMs: number;
  /** How long an HTTP/1.1 request's headers may take from their first byte. */
  readonly headerTimeoutMs: number;
  /** How long the body of a request with one message may take. */
  readonly bodyTimeoutMs: number;
}

export const LIMITS: Limits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxMessageParts: 10_000,
  maxHeaderBytes: 16 * 1024,
  maxConcurrentStreams: 128,
  maxRefusedStreams: 128,
  maxConnections: 1024,
  maxConnectionsPerPrincipal: 256,
  maxHandshakes: 128,
  idleTimeoutMs: 300_000,
  handshakeTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
};

/** A refused upload is read and thrown away for this long, so that the peer gets to see the answer. */
export const LINGER_MS = 1_000;

/** After this long without a byte, the kernel asks whether a peer is still there (tcp(7), TCP_KEEPIDLE). */
export const TCP_KEEPALIVE_MS = 60_000;
