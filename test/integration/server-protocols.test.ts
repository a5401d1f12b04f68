/** One port, one socket, and everything that is spoken there. */
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { VmService } from "../../src/gen/aurae/vms/v0/vms_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../src/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";

function transports(): [string, Transport][] {
  const { baseUrl } = fixture;
  const nodeOptions = fixture.clientTls();
  const h1 = { baseUrl, httpVersion: "1.1" as const, nodeOptions };
  const h2 = { baseUrl, httpVersion: "2" as const, nodeOptions };
  return [
    ["Connect JSON over HTTP/1.1", createConnectTransport({ ...h1, useBinaryFormat: false })],
    ["Connect binary over HTTP/1.1", createConnectTransport({ ...h1, useBinaryFormat: true })],
    ["Connect JSON over HTTP/2", createConnectTransport({ ...h2, useBinaryFormat: false })],
    ["Connect binary over HTTP/2", createConnectTransport({ ...h2, useBinaryFormat: true })],
    ["gRPC over HTTP/2", createGrpcTransport({ baseUrl, nodeOptions })],
    ["gRPC-Web over HTTP/1.1", createGrpcWebTransport(h1)],
    ["gRPC-Web over HTTP/2", createGrpcWebTransport(h2)],
  ];
}

/** RFC 8446 section 5.1: a type, a version of two bytes, and a length of two. */
function recordCount(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    count += 1;
  }
  return count;
}

describe("Server", () => {
  test("answers a unary call, an error and a stream in every protocol", async () => {
    for (const [name, transport] of transports()) {
      const { version } = await createClient(DiscoveryService, transport).discover({});
      expect(`${name} ${version}`).toBe(`${name} 1.2.3`);

      const failed = await createClient(VmService, transport).list({}).catch(ConnectError.from);
      expect(failed).toBeInstanceOf(ConnectError);
      expect(`${name} ${(failed as ConnectError).code}`).toBe(`${name} ${Code.Unimplemented}`);
      expect((failed as ConnectError).rawMessage).toMatch(/aurae\.vms\.v0\.VmService.List/);

      const ended = new AbortController();
      const seen: Status[] = [];
      const stream = createClient(Health, transport).watch(
        { service: "" },
        { signal: ended.signal },
      );
      for await (const { status } of stream) {
        seen.push(status);
        break;
      }
      ended.abort();
      expect(seen).toEqual([Status.SERVING]);
    }
  });

  test("answers a unary call over HTTP/1.1 by one TLS record, which wakes the peer up once", async () => {
    let bytes = Buffer.alloc(0);
    const between = createServer((client) => {
      const server = connect(fixture.port, "127.0.0.1");
      client.pipe(server);
      server.pipe(client);
      server.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
      });
      client.on("error", () => server.destroy());
      server.on("error", () => client.destroy());
    });
    const port = await new Promise<number>((resolve) => {
      between.listen(0, "127.0.0.1", () => resolve((between.address() as AddressInfo).port));
    });
    const peer = await fixture.rawTls("http/1.1", undefined, false, port);
    const call = async (count: number): Promise<number> => {
      peer.send(
        `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      );
      await peer.until((text) => text.split('"version"').length > count);
      return recordCount(bytes);
    };
    // With the first come the session's tickets.
    const before = await call(1);
    for (let calls = 2; calls <= 20; calls++) {
      expect((await call(calls)) - before).toBe(calls - 1);
    }
    peer.socket.destroy();
    between.close();
  });

  test("answers curl on TCP and on the Unix socket, over HTTP/1.1 and HTTP/2", async () => {
    for (const version of ["--http1.1", "--http2"]) {
      for (const way of [[], ["--unix-socket", fixture.socketPath]]) {
        const answer = await fixture.post(DISCOVER, "{}", version, ...way);
        expect(answer).toEqual({ status: 200, text: '{"healthy":true,"version":"1.2.3"}' });
      }
    }
  });

  test("serves a bidirectional stream turn by turn over gRPC", async () => {
    const transport = createGrpcTransport({
      baseUrl: fixture.baseUrl,
      nodeOptions: fixture.clientTls(),
    });
    const answered = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function* questions() {
      yield { messageRequest: { case: "listServices", value: "" } as const };
      await answered[0]?.promise;
      yield { messageRequest: { case: "fileByFilename", value: "nope.proto" } as const };
      await answered[1]?.promise;
    }
    const cases: (string | undefined)[] = [];
    for await (const { messageResponse } of createClient(
      ServerReflection,
      transport,
    ).serverReflectionInfo(questions())) {
      cases.push(messageResponse.case);
      answered[cases.length - 1]?.resolve();
    }
    expect(cases).toEqual(["listServicesResponse", "errorResponse"]);
  });

  test("answers 404 with no body, no server header and no trace for an unknown path", async () => {
    for (const version of ["--http1.1", "--http2"]) {
      for (const path of ["", "aurae.cells.v0.CellService/Nope", "%2e%2e/etc/passwd", "a?b=c#d"]) {
        const { stdout } = await fixture.curl([
          ...fixture.as(fixture.admin),
          ...fixture.resolve,
          ...["-i", version, fixture.url(path)],
        ]);
        expect(stdout).toMatch(/^HTTP\/[12.]+ 404/);
        expect(stdout.toLowerCase()).not.toContain("server:");
        expect(stdout.split("\r\n\r\n")[1]).toBe("");
      }
    }
  });

  test("refuses a method that is no POST and a content type that is no RPC", async () => {
    const get = await fixture.curl([
      ...fixture.as(fixture.admin),
      ...fixture.resolve,
      ...["-o", "/dev/null", "-w", "%{http_code}", fixture.url(DISCOVER)],
    ]);
    expect(get.stdout).toBe("405");
    const text = await fixture.curl([
      ...fixture.as(fixture.admin),
      ...fixture.resolve,
      ...["-d", "{}", "-H", "content-type: text/plain"],
      ...["-o", "/dev/null", "-w", "%{http_code}", fixture.url(DISCOVER)],
    ]);
    expect(text.stdout).toBe("415");
  });

  test("keeps pipelined HTTP/1.1 answers in the order of their requests", async () => {
    const peer = await fixture.rawTls("http/1.1");
    const request = (path: string, body: string) =>
      `POST /${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    peer.send(request("grpc.health.v1.Health/Check", '{"service":"x"}') + request(DISCOVER, "{}"));
    const text = await peer.until((received) => received.includes("1.2.3"));
    expect(text.indexOf("404 Not Found")).toBe("HTTP/1.1 ".length);
    expect(text.indexOf("not_found")).toBeLessThan(text.indexOf("1.2.3"));
    peer.socket.destroy();
  });

  test("keeps an HTTP/1.1 connection for many requests", async () => {
    const peer = await fixture.rawTls("http/1.1");
    for (let turn = 1; turn <= 5; turn += 1) {
      peer.send(
        `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      );
      await peer.until((text) => text.split("1.2.3").length === turn + 1);
    }
    peer.socket.destroy();
  });

  test("tells a client that waits for it to go on with its body", async () => {
    const peer = await fixture.rawTls("http/1.1");
    peer.send(
      `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n`,
    );
    await peer.until((text) => text.startsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    peer.send("{}");
    await peer.until((text) => text.includes("1.2.3"));
    peer.socket.destroy();
  });

  test("lets go of a stream whose client is gone, over HTTP/1.1 and HTTP/2", async () => {
    for (const [name, transport] of transports()) {
      const ended = new AbortController();
      const stream = createClient(Health, transport).watch(
        { service: "" },
        { signal: ended.signal },
      );
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      ended.abort();
      await iterator.next().catch(() => undefined);
      const start = performance.now();
      while (fixture.health.watcherCount > 0 && performance.now() - start < 5_000) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(`${name}: ${fixture.health.watcherCount} left`).toBe(`${name}: 0 left`);
    }
  });
});
