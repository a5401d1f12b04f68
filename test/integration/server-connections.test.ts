/** The limits of src/transport/limits.ts on connections and handshakes: who is let in, and who has to go for it. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect as connectTcp, type Socket } from "node:net";
import { eventually } from "../harness/eventually.ts";
import { type Fixture, type FixtureOptions, type RawPeer, startFixture } from "./server-fixture.ts";

const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";
const WATCH = "grpc.health.v1.Health/Watch";

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

/** Resolves when the server has closed this raw TCP connection. */
function closing(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  socket.resume();
  return socket.closed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once("close", () => resolve()));
}

async function halfOpen(fixture: Fixture, bytes = ""): Promise<Socket> {
  const socket = connectTcp(fixture.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(bytes, "latin1");
  return socket;
}

/** A reader's connection with a stream in flight. */
async function watching(fixture: Fixture): Promise<RawPeer> {
  const peer = await fixture.rawTls("http/1.1", fixture.reader);
  const body = "\0\0\0\0\x02{}";
  peer.send(
    `POST /${WATCH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await peer.until((text) => text.includes("SERVING"));
  return peer;
}

describe("maxConnections", () => {
  test("lets the next in when there is room", async () => {
    const fixture = await start({ maxConnections: 2 });
    const first = await fixture.rawTls("http/1.1");
    const second = await fixture.rawTls("http/1.1", fixture.admin, true);
    first.socket.destroy();
    await eventually("the end of one", () => fixture.server.connectionCount === 1);
    await expectAlive(fixture);
    expect(second.socket.destroyed).toBe(false);
    second.socket.destroy();
  });

  test("ends the longest idle connection of who has the most, so that nobody is locked out", async () => {
    const fixture = await start({ maxConnections: 4 });
    const hoard: RawPeer[] = [];
    for (let count = 0; count < 4; count += 1) {
      hoard.push(await fixture.rawTls(count % 2 === 0 ? "http/1.1" : "h2", fixture.reader));
    }
    const admin = await fixture.rawTls("http/1.1", fixture.admin);
    await hoard[0]?.closed;
    const root = await fixture.rawTls("h2", fixture.reader, true);
    await hoard[1]?.closed;
    expect(fixture.server.connectionCount).toBe(4);
    // Whoever has the most makes room for itself, too.
    hoard.push(await fixture.rawTls("http/1.1", fixture.reader));
    await hoard[2]?.closed;
    for (const peer of [admin, root]) {
      expect(peer.socket.destroyed).toBe(false);
    }
    expect(fixture.server.connectionCount).toBe(4);
    for (const peer of [...hoard, admin, root]) {
      peer.socket.destroy();
    }
  });

  test("ends a busy one when none is idle, but not for its own principal", async () => {
    const fixture = await start({ maxConnections: 2 });
    const busy = [await watching(fixture), await watching(fixture)];
    const refused = await fixture.rawTls("http/1.1", fixture.reader);
    await refused.closed;
    expect(refused.text).toBe("");
    expect(busy.map(({ socket }) => socket.destroyed)).toEqual([false, false]);
    await expectAlive(fixture);
    await busy[0]?.closed;
    expect(busy[1]?.socket.destroyed).toBe(false);
    busy[1]?.socket.destroy();
  });
});

describe("maxConnectionsPerPrincipal", () => {
  test("ends the principal's longest idle connection, and leaves those of others alone", async () => {
    const fixture = await start({ maxConnectionsPerPrincipal: 2 });
    const admin = await fixture.rawTls("http/1.1", fixture.admin);
    const busy = await watching(fixture);
    const idle = await fixture.rawTls("http/1.1", fixture.reader);
    const next = await fixture.rawTls("h2", fixture.reader);
    await idle.closed;
    expect(fixture.server.connectionCount).toBe(3);
    for (const peer of [admin, busy, next]) {
      expect(peer.socket.destroyed).toBe(false);
      peer.socket.destroy();
    }
  });

  test("closes a new one when none is idle", async () => {
    const fixture = await start({ maxConnectionsPerPrincipal: 1 });
    const busy = await watching(fixture);
    const refused = await fixture.rawTls("http/1.1", fixture.reader);
    await refused.closed;
    expect(busy.socket.destroyed).toBe(false);
    await expectAlive(fixture);
    busy.socket.destroy();
  });
});

describe("maxHandshakes", () => {
  test("ends the oldest unfinished handshake, so that a flood starves nobody", async () => {
    const fixture = await start({ maxHandshakes: 4 });
    const flood: Socket[] = [];
    for (let count = 0; count < 12; count += 1) {
      flood.push(await halfOpen(fixture));
    }
    const ended = flood.slice(0, 8).map(closing);
    await Promise.all(ended);
    await expectAlive(fixture);
    const kept = flood.slice(9).filter((socket) => !socket.destroyed);
    expect(kept.length).toBeGreaterThan(0);
    for (const socket of flood) {
      socket.destroy();
    }
  });
});

describe("handshakeTimeoutMs", () => {
  test("ends a peer that says nothing, and one that stops in the middle", async () => {
    const fixture = await start({ handshakeTimeoutMs: 200 });
    const started = performance.now();
    const peers = [
      await halfOpen(fixture),
      await halfOpen(fixture, "\x16\x03\x01\x02\x00\x01"),
      await halfOpen(fixture, "\x16\x03\x01"),
    ];
    await Promise.all(peers.map(closing));
    expect(performance.now() - started).toBeGreaterThan(150);
    await expectAlive(fixture);
  });

  test("ends a peer that sends a byte now and then", async () => {
    const fixture = await start({ handshakeTimeoutMs: 200 });
    const socket = await halfOpen(fixture, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    const timer = setInterval(() => socket.writable && socket.write("\0"), 20);
    await closing(socket);
    clearInterval(timer);
  });
});
