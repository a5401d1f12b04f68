import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { RequestListener, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { type Address, parseAddress } from "../../src/client/address.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../src/gen/grpc/health/v1/health_pb.ts";
import { eventually } from "../harness/eventually.ts";
import { AerFixture } from "./aer-fixture.ts";
import type { Pair } from "./server-fixture.ts";

let fixture: AerFixture;
let stranger: AerFixture;

beforeAll(async () => {
  const cells = {
    // Large enough that a server would compress it for a client that asked for that.
    list: () => ({ cells: [{ cell: { name: "x".repeat(100_000) } }] }),
  };
  [fixture, stranger] = await Promise.all([AerFixture.start({ cells }), AerFixture.start()]);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await stranger[Symbol.asyncDispose]();
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

function addresses(): readonly (readonly [string, Address])[] {
  return [
    ["Unix", { kind: "unix", path: fixture.server.socketPath }],
    ["TCP", { kind: "tcp", host: "127.0.0.1", port: fixture.server.port }],
    ["name", { kind: "tcp", host: "localhost", port: fixture.server.port }],
  ];
}

/** The status that Discover ends with. */
async function refusal(options: Parameters<AerFixture["transport"]>[0]): Promise<ConnectError> {
  using transport = fixture.transport(options);
  try {
    await createClient(DiscoveryService, transport).discover({});
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it was not refused");
}

function credentials(pair: Pair, ca = fixture.server.authority.certificatePem) {
  return { ca, cert: pair.certificatePem, key: pair.keyPem };
}

describe("createTransport calls", () => {
  test("over a Unix socket and TCP, unary and streaming, large answers too", async () => {
    for (const [, address] of addresses()) {
      using transport = fixture.transport({ address });
      expect(await createClient(DiscoveryService, transport).discover({})).toMatchObject({
        healthy: true,
      });
      const { cells } = await createClient(CellService, transport).list({});
      expect(cells[0]?.cell?.name).toHaveLength(100_000);
      for await (const { status } of createClient(Health, transport).watch({})) {
        expect(status).toBe(Status.SERVING);
        break;
      }
    }
  });

  test("again after the server was started anew in the same place", async () => {
    const path = join(fixture.server.directory, "again.sock");
    using transport = fixture.transport({ address: { kind: "unix", path } });
    const client = createClient(DiscoveryService, transport);
    const answer = (_request: unknown, response: ServerResponse): void => {
      response.writeHead(200, { "content-type": "application/proto" });
      // DiscoverResponse: healthy = true.
      response.end(Buffer.from([0x08, 1]));
    };
    for (let round = 0; round < 2; round += 1) {
      const server = scriptedServer(answer);
      await new Promise<void>((resolve) => server.listen(path, resolve));
      expect(await client.discover({})).toMatchObject({ healthy: true });
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(path, { force: true });
      const error = await client.discover({}).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: Code.Unavailable });
    }
  });

  test("whatever the environment says of proxies", async () => {
    const before = process.env.HTTPS_PROXY;
    process.env.HTTPS_PROXY = "http://127.0.0.1:1";
    try {
      using transport = fixture.transport({ address: addresses()[1]![1] });
      await createClient(DiscoveryService, transport).discover({});
    } finally {
      if (before === undefined) {
        delete process.env.HTTPS_PROXY;
      } else {
        process.env.HTTPS_PROXY = before;
      }
    }
  });

  test.skipIf(!hasIpv6)(
    "over IPv6 with a zone (needs ::1), refusing the wrong name too",
    async () => {
      await using server = await AerFixture.start({
        options: { listeners: [{ kind: "tcp", host: "::1", port: 0 }] },
      });
      // glibc takes a numeric zone with any address; 1 is the loopback interface.
      const address = parseAddress(`[::1%1]:${server.server.port}`);
      using transport = server.transport({ address });
      await createClient(DiscoveryService, transport).discover({});
      const seen: Status[] = [];
      const stop = new AbortController();
      try {
        for await (const { status } of createClient(Health, transport).watch(
          {},
          { signal: stop.signal },
        )) {
          seen.push(status);
          stop.abort();
        }
      } catch (error) {
        expect(ConnectError.from(error).code).toBe(Code.Canceled);
      }
      expect(seen).toEqual([Status.SERVING]);
      using wrong = server.transport({ address, serverName: "wrong.example" });
      const error = await createClient(DiscoveryService, wrong)
        .discover({})
        .catch((e: unknown) => e);
      expect(ConnectError.from(error).rawMessage).toContain('is not for "wrong.example"');
    },
  );
});

describe("createTransport refuses a server", () => {
  test("whose certificate is for another name, and takes a name it has when told so", async () => {
    for (const [, address] of addresses()) {
      const error = await refusal({ address, serverName: "wrong.example" });
      expect(error.code).toBe(Code.Unavailable);
      expect(error.rawMessage).toContain('the server\'s certificate is not for "wrong.example"');
      using transport = fixture.transport({ address, serverName: "localhost" });
      await createClient(DiscoveryService, transport).discover({});
    }
  });

  test("of another CA, whatever the environment says", async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      for (const [, address] of addresses()) {
        const error = await refusal({
          address,
          credentials: credentials(fixture.server.admin, stranger.server.authority.certificatePem),
          paths: { caCrt: "/pki/other.crt", clientCrt: "b", clientKey: "c" },
        });
        expect(error.code).toBe(Code.Unavailable);
        expect(error.rawMessage).toContain('is not of the CA "/pki/other.crt"');
      }
    } finally {
      if (before === undefined) {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      } else {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
      }
    }
  });
});

describe("createTransport says why no connection came about", () => {
  test("when the server does not know the client's CA", async () => {
    const pair = stranger.server.admin;
    const error = await refusal({ credentials: credentials(pair) });
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(error.rawMessage).toMatch(/it has ended, or it does not trust|handshake failed/);
  });

  test("when the client's own certificate has ended", async () => {
    const pair = await fixture.server.pair({
      commonName: "old",
      notBefore: new Date(0),
      notAfter: new Date(1000),
    });
    const paths = { caCrt: "a", clientCrt: pair.crt, clientKey: pair.key };
    const error = await refusal({ credentials: credentials(pair), paths });
    expect(error.rawMessage).toContain(
      `the certificate "${pair.crt}" ended at Jan  1 00:00:01 1970`,
    );
  });

  test("when key and certificate don't belong together, or are no PEM", async () => {
    const { admin, reader } = fixture.server;
    const paths = { caCrt: "a", clientCrt: "/b.crt", clientKey: "/c.key" };
    const mixed = { ...credentials(admin), key: reader.keyPem };
    expect((await refusal({ credentials: mixed, paths })).rawMessage).toContain(
      'the key "/c.key" is not that of the certificate "/b.crt"',
    );
    const nonsense = { ...credentials(admin), key: "nonsense" };
    expect((await refusal({ credentials: nonsense, paths })).rawMessage).toContain(
      '"/c.key" holds no private key in PEM form',
    );
  });

  test("when there is no socket, nobody on it, or nobody on the port", async () => {
    const none = join(fixture.server.directory, "none.sock");
    expect((await refusal({ address: { kind: "unix", path: none } })).rawMessage).toBe(
      `connect to "${none}": no such socket; start auraed, or give its address in "[system] socket" or --socket`,
    );
    const dead = join(fixture.server.directory, "dead.sock");
    writeFileSync(dead, "");
    expect((await refusal({ address: { kind: "unix", path: dead } })).code).toBe(Code.Unavailable);
    rmSync(dead);
    const port = await freePort();
    const error = await refusal({ address: { kind: "tcp", host: "127.0.0.1", port } });
    expect(error.rawMessage).toBe(
      `connect to "127.0.0.1:${port}": nobody listens there; start auraed with a listener on this address`,
    );
  });

  test("when the other side speaks no TLS", async () => {
    const sockets = new Set<Socket>();
    const plain = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { port } = plain.address() as { port: number };
    const error = await refusal({ address: { kind: "tcp", host: "127.0.0.1", port } });
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).not.toContain("verbose");
    plain.close();
  });
});

describe("a stream", () => {
  test("ends on both sides when it is cancelled", async () => {
    using transport = fixture.transport();
    const before = fixture.server.health.watcherCount;
    const stop = new AbortController();
    const ended = (async () => {
      for await (const _ of createClient(Health, transport).watch({}, { signal: stop.signal })) {
        await eventually(
          "the server sees a watcher",
          () => fixture.server.health.watcherCount > before,
        );
        stop.abort();
      }
    })();
    expect(ConnectError.from(await ended.catch((error: unknown) => error)).code).toBe(
      Code.Canceled,
    );
    await eventually(
      "the server lets the watcher go",
      () => fixture.server.health.watcherCount === before,
    );
  });

  test("is UNAVAILABLE when the server dies in the middle", async () => {
    const dying = scriptedServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/connect+proto" });
      // One enveloped HealthCheckResponse: flags, length, status = SERVING.
      response.write(Buffer.from([0, 0, 0, 0, 2, 0x08, 1]), () => response.socket?.destroy());
    });
    await new Promise<void>((resolve) => dying.listen(0, "127.0.0.1", resolve));
    const { port } = dying.address() as { port: number };
    using transport = fixture.transport({ address: { kind: "tcp", host: "127.0.0.1", port } });
    const error = await (async () => {
      for await (const { status } of createClient(Health, transport).watch({})) {
        expect(status).toBe(Status.SERVING);
      }
    })().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: Code.Unavailable,
      rawMessage: `the connection to "127.0.0.1:${port}" broke: the other side closed it`,
    });
    dying.close();
  });
});

/** A server with the fixture's certificates that answers in the test's own words. */
function scriptedServer(answer: RequestListener) {
  const { authority, serverPair } = fixture.server;
  return createHttpsServer(
    {
      ca: authority.certificatePem,
      cert: serverPair.certificatePem,
      key: serverPair.keyPem,
      requestCert: true,
    },
    answer,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
