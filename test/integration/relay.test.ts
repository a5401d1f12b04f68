/** The relay of a guest (ffi/relay.c), between Unix sockets on both sides: what it carries, and what it does not hold. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FFI_RELAY } from "../../build/paths.ts";
import { listenUnix } from "../../src/kernel/net/unix-stream.ts";
import { eventually } from "../harness/eventually.ts";

/** MAX_CONNECTIONS of relay.c. */
const MAX_CONNECTIONS = 128;
const folder = mkdtempSync(join(tmpdir(), "auraed-relay-"));
const OUTER = join(folder, "outer");
const INNER = join(folder, "inner");

interface Peer {
  readonly socket: Socket;
  received: Buffer;
  isEnded: boolean;
  isClosed: boolean;
}

function peerOf(socket: Socket): Peer {
  const peer = { socket, received: Buffer.alloc(0), isEnded: false, isClosed: false };
  socket.on("data", (data: Buffer) => {
    peer.received = Buffer.concat([peer.received, data]);
  });
  socket.on("end", () => {
    peer.isEnded = true;
  });
  socket.on("close", () => {
    peer.isClosed = true;
  });
  socket.on("error", () => undefined);
  return peer;
}

let relay: Bun.Subprocess<"ignore", "ignore", "inherit">;
let server: Server | undefined;
let accepted: Peer[] = [];
let clients: Peer[] = [];

function startRelay(): void {
  using listener = listenUnix(OUTER);
  relay = Bun.spawn([FFI_RELAY, INNER], {
    stdio: ["ignore", "ignore", "inherit", listener.number],
  });
}

async function startServer(): Promise<void> {
  const made = createServer({ allowHalfOpen: true }, (socket) => accepted.push(peerOf(socket)));
  server = made;
  await new Promise<void>((resolve) => made.listen(INNER, () => resolve()));
}

async function connectClient(): Promise<Peer> {
  const socket = connect({ path: OUTER, allowHalfOpen: true });
  const peer = peerOf(socket);
  clients.push(peer);
  // One that is closed at once may never be told that it was connected.
  await new Promise<void>((resolve) => {
    socket.once("connect", () => resolve());
    socket.once("close", () => resolve());
  });
  return peer;
}

/** A client and the server's side of the same connection. */
async function connected(): Promise<[client: Peer, served: Peer]> {
  const before = accepted.length;
  const client = await connectClient();
  await eventually("the server has the connection", () => accepted.length > before);
  return [client, accepted.at(-1)!];
}

const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

beforeEach(async () => {
  accepted = [];
  clients = [];
  startRelay();
  await startServer();
});

afterEach(async () => {
  for (const { socket } of [...clients, ...accepted]) {
    socket.destroy();
  }
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  relay.kill("SIGTERM");
  await relay.exited;
  rmSync(OUTER, { force: true });
  rmSync(INNER, { force: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

test("the relay carries bytes both ways, and more than it can hold", async () => {
  const [client, served] = await connected();
  const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
  const much = Buffer.concat(Array.from({ length: 64 }, () => bytes));
  client.socket.write(much);
  served.socket.write(much);
  const all = (peer: Peer) => peer.received.length === much.length && peer.received;
  expect((await eventually("all at the server", () => all(served))).equals(much)).toBeTrue();
  expect((await eventually("all at the client", () => all(client))).equals(much)).toBeTrue();
});

test("a client that has said all still gets its answer", async () => {
  const [client, served] = await connected();
  client.socket.end("a question");
  await eventually("the server hears the end", () => served.isEnded);
  expect(served.received.toString()).toBe("a question");
  served.socket.end("an answer");
  await eventually("the client hears the end", () => client.isEnded);
  expect(client.received.toString()).toBe("an answer");
});

test("a connection goes on both sides when the server ends it, and when the client is gone", async () => {
  const stdioAndListener = 4;
  const [client, served] = await connected();
  served.socket.end("the last words");
  await eventually("the client hears the end", () => client.isEnded);
  expect(client.received.toString()).toBe("the last words");
  const [other, its] = await connected();
  other.socket.destroy();
  await eventually("the server hears of it", () => its.isEnded || its.isClosed);
  its.socket.destroy();
  await eventually("nothing is left", () => descriptorsOf(relay.pid) === stdioAndListener);
});

test("without a server, connections are closed, and the next ones work again", async () => {
  await new Promise((resolve) => server?.close(resolve));
  server = undefined;
  const client = await connectClient();
  await eventually("the connection is closed", () => client.isEnded || client.isClosed);
  await startServer();
  const [again, served] = await connected();
  again.socket.write("hello");
  await eventually("the server hears", () => served.received.toString() === "hello");
});

test("the relay holds a bounded number of connections, and takes the next when one is over", async () => {
  for (let nth = 0; nth < MAX_CONNECTIONS; nth++) {
    await connectClient();
  }
  await eventually("all are there", () => accepted.length === MAX_CONNECTIONS);
  const more = await connectClient();
  more.socket.write("when is it my turn?");
  // What works meanwhile shows that the relay has been around since.
  accepted[0]!.socket.write("still here");
  await eventually("others go on", () => clients[0]!.received.toString() === "still here");
  expect(accepted).toHaveLength(MAX_CONNECTIONS);
  accepted[7]!.socket.destroy();
  const next = await eventually("its turn", () => accepted[MAX_CONNECTIONS]);
  await eventually("its words", () => next.received.toString() === "when is it my turn?");
});

test("the relay waits without work, can be no other program, and can't be looked into", async () => {
  await connected();
  const status = () => readFileSync(`/proc/${relay.pid}/status`, "utf8");
  await eventually("it is filtered", () => /^Seccomp:\t2$/m.test(status()));
  expect(status()).toMatch(/^NoNewPrivs:\t1$/m);
  const switches = () => /^voluntary_ctxt_switches:\t(\d+)$/m.exec(status())?.[1];
  await eventually("it sleeps", () => /^State:\tS/m.test(status()));
  const before = switches();
  for (let look = 0; look < 20; look++) {
    expect(switches()).toBe(before);
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test.each([[[]], [[""]], [["x".repeat(108)]], [["a", "b"]]])(
  "the relay refuses the arguments %j",
  async (args) => {
    const refused = Bun.spawn([FFI_RELAY, ...args], { stdio: ["ignore", "ignore", "ignore"] });
    expect(await refused.exited).toBe(2);
  },
);
