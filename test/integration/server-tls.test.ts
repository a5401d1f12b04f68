/** Who gets past the handshake, and what everybody else hears: a TLS alert and nothing more. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { eventually } from "../harness/eventually.ts";
import { AuraeError } from "../../src/base/errors.ts";
import { Server } from "../../src/transport/server.ts";
import { type Fixture, type Pair, SERVER_NAME, startFixture } from "./server-fixture.ts";

const { createAuthority } = await import("../../src/pki/authority.ts");

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";
const REQUEST = `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
const H2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/** Everything that the server says inside TLS to a peer with this certificate, until it closes. */
function heardBy(options: ConnectionOptions, bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = "";
  const socket = connectTls({
    ca: fixture.authority.certificatePem,
    servername: SERVER_NAME,
    ...options,
  });
  socket.on("secureConnect", () => socket.write(bytes, "latin1"));
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(heard));
  return promise;
}

/** The types of the TLS records that came in, until the server closes. */
async function recordTypes(
  where: { port: number; host: string } | { path: string },
  hello: Buffer,
) {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const socket: Socket = connect(where, () => socket.write(hello));
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.on("close", () => resolve(Buffer.concat(chunks)));
  const bytes = await promise;
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    types.push(bytes[at] ?? 0);
  }
  return types;
}

describe("Server", () => {
  test("says nothing inside TLS to a peer without a certificate of its CA", async () => {
    const stranger = await createAuthority({ trustDomain: "test.local", commonName: "test ca" });
    const past = new Date(Date.now() - 86_400_000);
    const peers: [string, Pair | undefined][] = [
      ["no certificate", undefined],
      ["another CA", await fixture.pair({ uris: ["spiffe://test.local/role/admin/x"] }, stranger)],
      ["expired", await fixture.pair({ notBefore: new Date(0), notAfter: past })],
      ["not yet valid", await fixture.pair({ notBefore: new Date(Date.now() + 86_400_000) })],
    ];
    for (const [name, pair] of peers) {
      for (const where of [
        { host: "127.0.0.1", port: fixture.port },
        { path: fixture.socketPath },
      ]) {
        for (const [alpn, bytes] of [
          ["http/1.1", REQUEST],
          ["h2", H2_PREFACE],
        ] as const) {
          for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
            const heard = await heardBy(
              {
                ...where,
                ...(pair && { cert: pair.certificatePem, key: pair.keyPem }),
                ALPNProtocols: [alpn],
                maxVersion,
              },
              bytes,
            );
            expect(`${name} ${alpn} ${maxVersion}: "${heard}"`).toBe(
              `${name} ${alpn} ${maxVersion}: ""`,
            );
          }
        }
      }
    }
    expect(fixture.server.connectionCount).toBe(0);
  });

  test("answers plain text with a TLS alert and no HTTP", async () => {
    for (const where of [{ host: "127.0.0.1", port: fixture.port }, { path: fixture.socketPath }]) {
      const types = await recordTypes(where, Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
      // 21 is an alert (RFC 8446, section 5.1); plain HTTP would start with "H", 72.
      expect(types.filter((type) => type !== 21)).toEqual([]);
    }
  });

  test("accepts no version before TLS 1.2 and no unknown protocol", async () => {
    const arguments_ = [...fixture.as(fixture.admin), ...fixture.resolve, "-d", "{}"];
    const json = ["-H", "content-type: application/json", fixture.url(DISCOVER)];
    const old = await fixture.curl([
      ...arguments_,
      ...["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"],
      ...json,
    ]);
    expect(old.exitCode).toBe(35);
    for (const version of ["1.2", "1.3"]) {
      const good = await fixture.curl([
        ...arguments_,
        `--tlsv${version}`,
        "--tls-max",
        version,
        ...json,
      ]);
      expect(good.stdout).toContain("1.2.3");
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connectTls({
      ...{ host: "127.0.0.1", port: fixture.port },
      ...fixture.clientTls(),
      ALPNProtocols: ["spdy/3"],
    });
    socket.on("secureConnect", () => resolve("connected"));
    socket.on("error", () => resolve("refused"));
    expect(await promise).toBe("refused");
    socket.destroy();
  });

  test("resumes no session, so that a changed CA reaches everybody", async () => {
    const first = await fixture.rawTls("http/1.1");
    let tickets = 0;
    first.socket.on("session", () => {
      tickets += 1;
    });
    first.send(REQUEST);
    await first.until((text) => text.includes("1.2.3"));
    const session = first.socket.getSession();
    first.socket.destroy();
    expect(tickets).toBe(0);
    const second = connectTls({
      ...{ host: "127.0.0.1", port: fixture.port },
      ...fixture.clientTls(),
      ...(session === undefined ? {} : { session }),
    });
    await new Promise((resolve) => second.once("secureConnect", resolve));
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  test("swaps certificate and CA for new connections while old ones go on", async () => {
    await using own = await startFixture();
    const before = await own.rawTls("http/1.1");
    const next = await createAuthority({ trustDomain: "test.local", commonName: "next ca" });
    const serverPair = await own.pair(
      { commonName: SERVER_NAME, dnsNames: [SERVER_NAME], usage: "server" },
      next,
    );
    const client = await own.pair({ uris: ["spiffe://test.local/role/admin/x"] }, next);
    own.server.updateTls({
      caPem: next.certificatePem,
      certificatePem: serverPair.certificatePem,
      keyPem: serverPair.keyPem,
    });
    before.send(REQUEST);
    await before.until((text) => text.includes("1.2.3"));
    before.socket.destroy();

    writeFileSync(own.caFile, next.certificatePem);
    const base = [...own.resolve, "-d", "{}", "-H", "content-type: application/json"];
    const answered = await own.curl([...own.as(client), ...base, own.url(DISCOVER)]);
    expect(answered.stdout).toContain("1.2.3");
    const oldClient = await own.curl([...own.as(own.admin), ...base, own.url(DISCOVER)]);
    expect(oldClient.exitCode).not.toBe(0);
    expect(oldClient.stdout).toBe("");
    const nobody = await own.curl(["--cacert", own.caFile, ...base, own.url(DISCOVER)]);
    expect(nobody.exitCode).not.toBe(0);
    expect(nobody.stdout).toBe("");
  });
});

describe("Server.listen", () => {
  async function refused(...listeners: Parameters<typeof Server.listen>[0]["listeners"]) {
    const error = await Server.listen({
      listeners,
      tls: fixture.tls,
      identify: () => ({ dnsNames: [], name: "x" }),
    }).then(
      (server) => server.close(0).then(() => undefined),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(AuraeError);
    expect((error as AuraeError).kind).toBe("failed_precondition");
    return (error as AuraeError).message;
  }

  test("makes the socket's directory, mode 0660, and removes the socket on close", async () => {
    await using own = await startFixture();
    expect(statSync(own.socketPath).mode & 0o777).toBe(0o660);
    await own.server.close(0);
    expect(existsSync(own.socketPath)).toBe(false);
  });

  test("takes a stale socket's place", async () => {
    const path = join(fixture.directory, "stale.sock");
    // A process that is killed leaves its socket behind.
    const child = Bun.spawn(
      [
        process.execPath,
        "-e",
        `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
      ],
      { stdout: "ignore", stderr: "ignore" },
    );
    await child.exited;
    expect(existsSync(path)).toBe(true);
    const server = await Server.listen({
      listeners: [{ kind: "unix", path }],
      tls: fixture.tls,
      identify: () => ({ dnsNames: [], name: "x" }),
    });
    expect(server.addresses).toEqual([{ kind: "unix", path }]);
    await server.close(0);
  });

  test("leaves a socket that somebody answers on and a file that is no socket alone", async () => {
    const busy = join(fixture.directory, "busy.sock");
    const owner = createServer().listen(busy);
    await new Promise((resolve) => owner.once("listening", resolve));
    expect(await refused({ kind: "unix", path: busy })).toContain(
      `"${busy}": another process answers`,
    );
    expect(existsSync(busy)).toBe(true);
    owner.close();

    const file = join(fixture.directory, "file");
    writeFileSync(file, "precious");
    expect(await refused({ kind: "unix", path: file })).toContain(
      `"${file}": it exists and is not a socket`,
    );
    expect(statSync(file).size).toBe(8);
  });

  test("names the address and what to do when it can't listen", async () => {
    const taken = { kind: "tcp", host: "127.0.0.1", port: fixture.port } as const;
    expect(await refused(taken)).toBe(
      `cannot listen on "127.0.0.1:${fixture.port}": another process listens there; stop it or choose another address with --socket`,
    );
    const foreign = { kind: "tcp", host: "192.0.2.1", port: 0 } as const;
    expect(await refused(foreign)).toContain(
      '"192.0.2.1:0": this machine does not have that address',
    );
    const long = { kind: "unix", path: `/tmp/${"x".repeat(120)}` } as const;
    expect(await refused(long)).toContain("at most 107 bytes");
    const below = { kind: "unix", path: join(fixture.caFile, "x.sock") } as const;
    expect(await refused(below)).toContain("cannot make the directory of the socket");
  });

  test("accepts connections before it serves, and answers what has come until then", async () => {
    await using own = await startFixture({ isMute: true });
    const early = own.post(DISCOVER, "{}");
    const gone = await own.rawTls("http/1.1");
    gone.send(`POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n`);
    await eventually("both connections", () => own.server.connectionCount === 2);
    gone.socket.destroy();
    await eventually("the end of one", () => own.server.connectionCount === 1);
    own.server.serve(own.answer);
    expect((await early).text).toContain("1.2.3");
  });

  test("loads what answers when the first peer was let in, and once", async () => {
    await using own = await startFixture({ isMute: true });
    let loads = 0;
    own.server.serveWhenAsked(async () => {
      loads += 1;
      return own.answer;
    });
    const { promise: left, resolve } = Promise.withResolvers<void>();
    connectTls({ host: "127.0.0.1", port: own.port, rejectUnauthorized: false })
      .on("error", () => undefined)
      .on("close", resolve);
    await left;
    expect(loads).toBe(0);
    expect((await own.post(DISCOVER, "{}")).text).toContain("1.2.3");
    expect((await own.post(DISCOVER, "{}")).text).toContain("1.2.3");
    expect(loads).toBe(1);
  });

  test("leaves no listener behind when one of several fails", async () => {
    const path = join(fixture.directory, "first.sock");
    await refused({ kind: "unix", path }, { kind: "tcp", host: "127.0.0.1", port: fixture.port });
    expect(existsSync(path)).toBe(false);
  });
});
