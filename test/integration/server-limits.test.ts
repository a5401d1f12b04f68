/**
 * The limits of src/transport/limits.ts on what one connection may do, reached on purpose; and that the server goes on
 * for everybody else.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../src/gen/grpc/health/v1/health_pb.ts";
import { LIMITS } from "../../src/transport/limits.ts";
import { eventually } from "../harness/eventually.ts";
import { data, FRAME, frame, frames, headers, PREFACE } from "./http2-frames.ts";
import { type Fixture, type FixtureOptions, type RawPeer, startFixture } from "./server-fixture.ts";

const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";
const CHECK = "grpc.health.v1.Health/Check";
const WATCH = "grpc.health.v1.Health/Watch";
const JSON_TYPE = { "content-type": "application/json" };

let open: Fixture[] = [];
afterEach(async () => {
  for (const fixture of open) {
    await fixture[Symbol.asyncDispose]();
  }
  open = [];
});

async function start(limits: FixtureOptions["limits"] = {}): Promise<Fixture> {
  const fixture = await startFixture({ limits });
  open.push(fixture);
  return fixture;
}

async function expectAlive(fixture: Fixture): Promise<void> {
  expect((await fixture.post(DISCOVER, "{}")).status).toBe(200);
}

async function rawHttp2(fixture: Fixture): Promise<RawPeer> {
  const peer = await fixture.rawTls("h2");
  peer.socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
  await peer.until(() => frames(peer.received).some(({ type }) => type === FRAME.settings));
  return peer;
}

/** Sends one byte after the other until the server hangs up. */
async function dribble(peer: RawPeer, byte: string): Promise<void> {
  const timer = setInterval(() => peer.socket.writable && peer.send(byte), 20);
  await peer.closed;
  clearInterval(timer);
}

/** The error codes of the GOAWAY frames that came (RFC 9113, section 6.8). */
function farewells(peer: RawPeer): number[] {
  return frames(peer.received)
    .filter(({ type }) => type === FRAME.goAway)
    .map(({ payload }) => payload.readUInt32BE(4));
}

/** An enveloped message of the Connect and gRPC streaming protocols. */
function envelope(payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

describe("maxMessageBytes", () => {
  const maxMessageBytes = 64 * 1024;
  const name = "x".repeat(maxMessageBytes);

  test("is 4 MiB", () => {
    expect(LIMITS.maxMessageBytes).toBe(4 * 1024 * 1024);
  });

  test("refuses a larger message with INVALID_ARGUMENT that names the limit", async () => {
    const fixture = await start({ maxMessageBytes });
    for (const version of ["--http1.1", "--http2"]) {
      for (const more of [[], ["-H", "transfer-encoding: chunked"]]) {
        const answer = await fixture.post(
          CHECK,
          JSON.stringify({ service: name }),
          version,
          ...more,
        );
        expect(answer.status).toBe(400);
        expect(JSON.parse(answer.text)).toEqual({
          code: "invalid_argument",
          message: "the request message is larger than the limit of 65536 bytes",
        });
      }
      const fits = JSON.stringify({ service: name.slice(100) });
      expect((await fixture.post(CHECK, fits, version)).status).toBe(404);
    }
  });

  test("counts a compressed message by what it becomes", async () => {
    const fixture = await start({ maxMessageBytes });
    const bomb = gzipSync(JSON.stringify({ service: " ".repeat(50_000_000) }));
    const answer = await fixture.post(CHECK, bomb, "-H", "content-encoding: gzip");
    expect(JSON.parse(answer.text).code).toBe("invalid_argument");
    expect(answer.text).toContain("65536 bytes");
  });

  test("refuses an enveloped message by its announced length, before it came", async () => {
    const fixture = await start({ maxMessageBytes });
    const peer = await fixture.rawTls("http/1.1");
    peer.send(
      `POST /${CHECK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: 1000000\r\n\r\n\0\xff\xff\xff\xf0`,
    );
    await peer.until((text) => text.includes("grpc-status: 3"));
    expect(peer.text).toContain("65536%20bytes");
    await peer.closed;
  });

  test("stops an endless upload over HTTP/1.1 without holding it in memory", async () => {
    const fixture = await start({ maxMessageBytes });
    const peer = await fixture.rawTls("http/1.1");
    peer.send(
      `POST /${CHECK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const block = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const timer = setInterval(() => peer.socket.writable && peer.send(block), 5);
    await peer.closed;
    clearInterval(timer);
    expect(peer.text).toStartWith("HTTP/1.1 400 ");
    expect(peer.text).toContain("65536 bytes");
    await expectAlive(fixture);
  });
});

describe("maxHeaderBytes", () => {
  test("answers 431 over HTTP/1.1, for one large header and for many small ones", async () => {
    const fixture = await start({ maxHeaderBytes: 4096 });
    const many = Array.from({ length: 500 }, (_, at) => `x-${at}: yyyyyyyy\r\n`).join("");
    for (const block of [`x: ${"y".repeat(5000)}\r\n`, many]) {
      const peer = await fixture.rawTls("http/1.1");
      peer.send(`POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\n${block}content-length: 0\r\n\r\n`);
      await peer.closed;
      expect(peer.text).toBe(
        "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      );
    }
    await expectAlive(fixture);
  });

  test("refuses the stream or the session over HTTP/2, CONTINUATION frames included", async () => {
    const fixture = await start({ maxHeaderBytes: 4096 });
    const large = await rawHttp2(fixture);
    large.socket.write(headers(1, DISCOVER, { ...JSON_TYPE, x: "y".repeat(5000) }, true));
    await large.until(() =>
      frames(large.received).some(({ type }) => type === FRAME.reset || type === FRAME.goAway),
    );
    expect(large.text).not.toContain("1.2.3");
    large.socket.destroy();

    const endless = await rawHttp2(fixture);
    endless.socket.write(frame(FRAME.headers, 0, 1, Buffer.from([0x82])));
    const piece = frame(
      FRAME.continuation,
      0,
      1,
      Buffer.concat([Buffer.from([0, 1, 0x78, 0x7f, 0x81, 0x1e]), Buffer.alloc(4000, "y")]),
    );
    const timer = setInterval(() => endless.socket.writable && endless.socket.write(piece), 5);
    await endless.closed;
    clearInterval(timer);
    await expectAlive(fixture);
  });
});

describe("maxConcurrentStreams", () => {
  test("is told to the peer, and a stream above it is refused while the others go on", async () => {
    const fixture = await start({ maxConcurrentStreams: 3 });
    const peer = await rawHttp2(fixture);
    const settings = frames(peer.received).find(({ type }) => type === FRAME.settings);
    const told = new Map<number, number>();
    for (let at = 0; at < (settings?.payload.length ?? 0); at += 6) {
      told.set(settings!.payload.readUInt16BE(at), settings!.payload.readUInt32BE(at + 2));
    }
    expect(told.get(3)).toBe(3);
    const question = envelope(Buffer.from("{}"));
    for (const stream of [1, 3, 5, 7]) {
      peer.socket.write(headers(stream, WATCH, { "content-type": "application/connect+json" }));
      peer.socket.write(data(stream, question));
    }
    await peer.until(() => frames(peer.received).some(({ type }) => type === FRAME.reset));
    const reset = frames(peer.received).filter(({ type }) => type === FRAME.reset);
    // 7 is REFUSED_STREAM (RFC 9113, section 7).
    expect(reset.map(({ stream, payload }) => [stream, payload.readUInt32BE(0)])).toEqual([[7, 7]]);
    await peer.until((text) => text.split("SERVING").length === 4);
    peer.socket.destroy();
  });

  test("cuts off an HTTP/1.1 peer that pipelines more", async () => {
    const fixture = await start({ maxConcurrentStreams: 3 });
    const peer = await fixture.rawTls("http/1.1");
    const body = envelope(Buffer.from("{}")).toString("latin1");
    const request = `POST /${WATCH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    peer.send(request.repeat(8));
    await peer.closed;
    expect(fixture.health.watcherCount).toBe(0);
    await expectAlive(fixture);
  });
});

describe("maxRefusedStreams", () => {
  const resetCount = (peer: RawPeer) =>
    frames(peer.received).filter(({ type }) => type === FRAME.reset).length;

  test("ends a connection that goes on when it is refused, with ENHANCE_YOUR_CALM", async () => {
    const fixture = await start({ maxConcurrentStreams: 3, maxRefusedStreams: 4 });
    const peer = await rawHttp2(fixture);
    for (let stream = 1; stream <= 15; stream += 2) {
      peer.socket.write(headers(stream, WATCH, { "content-type": "application/connect+json" }));
    }
    await peer.closed;
    expect(farewells(peer)).toContain(11);
    await eventually("the end of it", () => fixture.server.connectionCount === 0);
    await expectAlive(fixture);
  });

  test("counts requests that are answered as soon as they come, whatever they ask for", async () => {
    for (const path of [DISCOVER, "nope"]) {
      const fixture = await start();
      const peer = await rawHttp2(fixture);
      const flood: Buffer[] = [];
      for (let stream = 1; stream < 20_000; stream += 2) {
        flood.push(headers(stream, path, JSON_TYPE), data(stream, Buffer.from("{}")));
      }
      peer.socket.write(Buffer.concat(flood));
      await peer.closed;
      // The kernel may drop the GOAWAY with what it had not read to us.
      expect(resetCount(peer)).toBeLessThan(1_000);
      await expectAlive(fixture);
    }
  });
});

describe("idleTimeoutMs", () => {
  test("closes a connection that never asks, and one that has stopped asking", async () => {
    const fixture = await start({ idleTimeoutMs: 200 });
    const silent = [
      await fixture.rawTls("http/1.1"),
      await fixture.rawTls("h2"),
      await rawHttp2(fixture),
    ];
    const asked = await fixture.rawTls("http/1.1");
    asked.send(
      `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    await asked.until((text) => text.includes("1.2.3"));
    await Promise.all([...silent, asked].map((peer) => peer.closed));
    expect(fixture.server.connectionCount).toBe(0);
  });

  test("leaves a connection with a request in flight alone", async () => {
    const fixture = await start({ idleTimeoutMs: 100 });
    for (const httpVersion of ["1.1", "2"] as const) {
      const transport = createConnectTransport({
        ...{ baseUrl: fixture.baseUrl, httpVersion },
        nodeOptions: fixture.clientTls(),
      });
      const ended = new AbortController();
      const stream = createClient(Health, transport).watch({}, { signal: ended.signal });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      // A silent connection dies of its idleness meanwhile.
      await (
        await fixture.rawTls("http/1.1")
      ).closed;
      fixture.health.set("", fixture.health.get("") === 1 ? 2 : 1);
      expect((await iterator.next()).done).toBe(false);
      ended.abort();
      await iterator.next().catch(() => undefined);
    }
  });
});

describe("headerTimeoutMs", () => {
  test("ends an HTTP/1.1 peer that sends its headers byte by byte", async () => {
    const fixture = await start({ headerTimeoutMs: 200 });
    const peer = await fixture.rawTls("http/1.1");
    peer.send(`POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\nx: `);
    await dribble(peer, "y");
    expect(peer.text).toBe("");
    await expectAlive(fixture);
  });
});

describe("bodyTimeoutMs", () => {
  test("ends a request whose body does not come, over HTTP/1.1 and HTTP/2", async () => {
    const fixture = await start({ bodyTimeoutMs: 200 });
    const h1 = await fixture.rawTls("http/1.1");
    h1.send(
      `POST /${CHECK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
    );
    await dribble(h1, " ");
    const h2 = await rawHttp2(fixture);
    h2.socket.write(
      Buffer.concat([headers(1, CHECK, JSON_TYPE), data(1, Buffer.from("{"), false)]),
    );
    await h2.until(() => frames(h2.received).some(({ type }) => type === FRAME.reset));
    // The connection is not to blame for one stream.
    h2.socket.write(Buffer.concat([headers(3, DISCOVER, JSON_TYPE), data(3, Buffer.from("{}"))]));
    await h2.until((text) => text.includes("1.2.3"));
    h2.socket.destroy();
  });
});

describe("Server.close", () => {
  test("lets a request in flight finish, ends streams, and refuses new connections", async () => {
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const fixture = await startFixture({
      cells: {
        async list() {
          entered.resolve();
          await release.promise;
          return {};
        },
      },
    });
    open.push(fixture);
    const running = fixture.post("aurae.cells.v0.CellService/List", "{}");
    await entered.promise;
    const transport = createConnectTransport({
      ...{ baseUrl: fixture.baseUrl, httpVersion: "2" },
      nodeOptions: fixture.clientTls(),
    });
    const stream = createClient(Health, transport).watch({})[Symbol.asyncIterator]();
    await stream.next();
    const { port } = fixture;
    const closed = fixture.server.close(10_000);
    const ending = await stream.next().catch(ConnectError.from);
    expect(ending).toMatchObject({ code: Code.Unavailable, rawMessage: "auraed is shutting down" });
    const late = connectTcp(port, "127.0.0.1");
    expect(await new Promise((resolve) => late.once("error", () => resolve("refused")))).toBe(
      "refused",
    );
    release.resolve();
    expect((await running).status).toBe(200);
    await closed;
    expect(fixture.server.connectionCount).toBe(0);
  });

  test("lets those who watch its health hear of it first", async () => {
    const fixture = await start();
    const transport = createConnectTransport({
      ...{ baseUrl: fixture.baseUrl, httpVersion: "2" },
      nodeOptions: fixture.clientTls(),
    });
    const stream = createClient(Health, transport).watch({})[Symbol.asyncIterator]();
    expect((await stream.next()).value.status).toBe(ServingStatus.SERVING);
    // As the daemon does it.
    fixture.health.close();
    const closed = fixture.server.close(10_000);
    expect((await stream.next()).value.status).toBe(ServingStatus.NOT_SERVING);
    expect((await stream.next()).done).toBe(true);
    await closed;
  });

  test("ends a request that does not finish in time", async () => {
    const entered = Promise.withResolvers<void>();
    const fixture = await startFixture({
      cells: {
        list() {
          entered.resolve();
          return new Promise(() => undefined);
        },
      },
    });
    open.push(fixture);
    const running = fixture.curl([
      ...fixture.as(fixture.admin),
      ...fixture.resolve,
      ...["-d", "{}", "-H", "content-type: application/json"],
      fixture.url("aurae.cells.v0.CellService/List"),
    ]);
    await entered.promise;
    await fixture.server.close(100);
    expect((await running).exitCode).not.toBe(0);
  });
});
