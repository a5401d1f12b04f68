/** Calls whose requests are a stream: over both kinds of listener, and what breaks on the way. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { Channel } from "../../src/base/channel.ts";
import { type Address, parseAddress } from "../../src/client/address.ts";
import { createDuplexTransport } from "../../src/client/transport.ts";
import {
  CellService,
  type CellServiceExecRequestSchema,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { eventually } from "../harness/eventually.ts";
import { AerFixture } from "./aer-fixture.ts";

type Request = MessageInitShape<typeof CellServiceExecRequestSchema>;
const START: Request = { message: { case: "start", value: { cellName: "a", args: ["cat"] } } };
const stdin = (value: Uint8Array): Request => ({ message: { case: "stdin", value } });
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");

let fixture: AerFixture;
/** How many pieces the handler has made. */
let made = 0;
let aborted = Promise.withResolvers<void>();

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      async *exec(requests, { signal }) {
        const { resolve } = aborted;
        signal.addEventListener("abort", () => resolve(), { once: true });
        yield { message: { case: "started", value: { pid: 1, hostPid: 2 } } };
        for await (const { message } of requests) {
          if (message.case === "start" && message.value.args[0] === "pieces") {
            for (made = 0; made < Number(message.value.args[1]); made += 1) {
              yield { message: { case: "stdout", value: Buffer.alloc(10_000) } };
            }
            return;
          }
          if (message.case === "stdin") {
            yield { message: { case: "stdout", value: message.value } };
          } else if (message.case === "stdinEnd") {
            throw new ConnectError("enough", Code.ResourceExhausted);
          }
        }
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

function optionsFor(address: Address, serverName?: string) {
  const { admin, authority, caFile } = fixture.server;
  return {
    address,
    credentials: { ca: authority.certificatePem, cert: admin.certificatePem, key: admin.keyPem },
    paths: { caCrt: caFile, clientCrt: admin.crt, clientKey: admin.key },
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function addresses(): Address[] {
  return [
    { kind: "unix", path: fixture.server.socketPath },
    { kind: "tcp", host: "127.0.0.1", port: fixture.server.port },
  ];
}

async function failureOf(address: Address, serverName?: string): Promise<ConnectError> {
  using transport = await createDuplexTransport(optionsFor(address, serverName));
  const requests = new Channel<Request>(1);
  requests.offer(START);
  try {
    for await (const _ of createClient(CellService, transport).exec(requests)) {
      break;
    }
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call did not fail");
}

/** A way to the server that can be cut. */
async function startProxy(): Promise<{ proxy: Server; cut: () => void; address: Address }> {
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connectTcp(fixture.server.port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("data", (bytes) => to.write(bytes));
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    proxy,
    cut: () => {
      for (const socket of sockets) {
        socket.destroy();
      }
    },
    address: { kind: "tcp", host: "127.0.0.1", port },
  };
}

describe("createDuplexTransport carries a call whose requests are a stream", () => {
  async function echo(address: Address): Promise<void> {
    using transport = await createDuplexTransport(optionsFor(address));
    const requests = new Channel<Request>(4);
    requests.offer(START);
    const answers = createClient(CellService, transport).exec(requests);
    const sent = crypto.getRandomValues(Buffer.alloc(60_000));
    let got = Buffer.alloc(0);
    let rounds = 0;
    try {
      for await (const { message } of answers) {
        if (message.case === "stdout") {
          got = Buffer.concat([got, message.value]);
        }
        if (message.case === "started" || got.byteLength === sent.byteLength * rounds) {
          rounds += 1;
          await requests.push(
            rounds > 20 ? { message: { case: "stdinEnd", value: true } } : stdin(sent),
          );
        }
      }
    } catch (error) {
      // The daemon's own error comes through as it is.
      expect(ConnectError.from(error)).toMatchObject({
        code: Code.ResourceExhausted,
        rawMessage: "enough",
      });
    }
    expect(got.equals(Buffer.concat(Array.from({ length: 20 }, () => sent)))).toBe(true);
  }

  test("both ways at once, over a Unix socket and TCP", async () => {
    for (const address of addresses()) {
      await echo(address);
    }
  });

  test.skipIf(!hasIpv6)("over IPv6 with a zone (needs ::1)", async () => {
    await using server = await AerFixture.start({
      options: { listeners: [{ kind: "tcp", host: "::1", port: 0 }] },
      cells: {
        async *exec() {
          yield { message: { case: "started", value: { pid: 5, hostPid: 5 } } };
        },
      },
    });
    const { admin, authority } = server.server;
    using transport = await createDuplexTransport({
      ...optionsFor(parseAddress(`[::1%1]:${server.server.port}`)),
      credentials: { ca: authority.certificatePem, cert: admin.certificatePem, key: admin.keyPem },
    });
    const seen: unknown[] = [];
    const requests = new Channel<Request>(1);
    requests.offer(START);
    for await (const { message } of createClient(CellService, transport).exec(requests)) {
      seen.push(message.case);
    }
    expect(seen).toEqual(["started"]);
  });

  test("more than the windows of HTTP/2 hold, in one direction", async () => {
    using transport = await createDuplexTransport(optionsFor(addresses()[0]!));
    const requests = new Channel<Request>(1);
    requests.offer(START);
    const answers = createClient(CellService, transport).exec(requests);
    const piece = Buffer.alloc(1_000_000, 7);
    let bytes = 0;
    void (async () => {
      for (let at = 0; at < 8; at += 1) {
        await requests.push(stdin(piece));
      }
      await requests.push({ message: { case: "stdinEnd", value: true } });
    })();
    const error = await (async () => {
      for await (const { message } of answers) {
        bytes += message.case === "stdout" ? message.value.byteLength : 0;
      }
    })().catch((reason: unknown) => ConnectError.from(reason).code);
    expect(error).toBe(Code.ResourceExhausted);
    expect(bytes).toBe(8_000_000);
  });
});

describe("createDuplexTransport reads", () => {
  /** Reads the first piece, then nothing for as long as it is told to, then the rest. */
  async function readAfter(
    address: Address,
    pieces: number,
    wait: () => Promise<void>,
  ): Promise<number> {
    using transport = await createDuplexTransport(optionsFor(address));
    const requests = new Channel<Request>(1);
    requests.offer({
      message: { case: "start", value: { cellName: "a", args: ["pieces", `${pieces}`] } },
    });
    let bytes = 0;
    for await (const { message } of createClient(CellService, transport).exec(requests)) {
      if (message.case === "stdout") {
        if (bytes === 0) {
          await wait();
        }
        bytes += message.value.byteLength;
      }
    }
    return bytes;
  }

  test("an answer whole when the daemon has ended it and reset the stream meanwhile", async () => {
    for (const address of addresses()) {
      for (const pieces of [5, 27, 30, 31]) {
        const isReset = async () => {
          await eventually("the last piece", () => made === pieces);
          // The reset comes after that, and nothing here tells of it.
          await Bun.sleep(100);
        };
        expect(await readAfter(address, pieces, isReset)).toBe(pieces * 10_000);
      }
    }
  });

  test("no more than it has room for, so that a slow reader slows the process", async () => {
    let before = -1;
    const isStill = async () => {
      await eventually("a pause", async () => {
        const isSame = made === before;
        before = made;
        await Bun.sleep(50);
        return isSame;
      });
    };
    expect(await readAfter(addresses()[0]!, 400, isStill)).toBe(4_000_000);
    // The inbox, and what the stream and the connection hold: some hundred kilobytes of four million.
    expect(before).toBeLessThan(100);
    expect(before).toBeGreaterThan(5);
  });
});

describe("createDuplexTransport ends a call", () => {
  test("when its transport is closed, and the daemon hears of it", async () => {
    for (const address of addresses()) {
      aborted = Promise.withResolvers();
      using transport = await createDuplexTransport(optionsFor(address));
      const requests = new Channel<Request>(1);
      requests.offer(START);
      const error = await (async () => {
        for await (const _ of createClient(CellService, transport).exec(requests)) {
          transport.close();
        }
      })().catch((reason: unknown) => ConnectError.from(reason).code);
      expect(error).toBe(Code.Unavailable);
      await aborted.promise;
    }
  });

  test("when its signal aborts, and the daemon hears of it", async () => {
    for (const address of addresses()) {
      aborted = Promise.withResolvers();
      const stop = new AbortController();
      using transport = await createDuplexTransport(optionsFor(address));
      const requests = new Channel<Request>(1);
      requests.offer(START);
      const { signal } = stop;
      const code = await (async () => {
        for await (const _ of createClient(CellService, transport).exec(requests, { signal })) {
          stop.abort();
        }
      })().catch((error: unknown) => ConnectError.from(error).code);
      expect(code).toBe(Code.Canceled);
      await aborted.promise;
    }
  });

  test("with UNAVAILABLE when the connection is cut", async () => {
    const { proxy, cut, address } = await startProxy();
    using transport = await createDuplexTransport(optionsFor(address));
    const requests = new Channel<Request>(1);
    requests.offer(START);
    const error = await (async () => {
      for await (const _ of createClient(CellService, transport).exec(requests)) {
        cut();
      }
    })().catch((reason: unknown) => reason);
    proxy.close();
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(ConnectError.from(error).rawMessage).toMatch(
      /^the connection to "127\.0\.0\.1:\d+" broke: the other side closed it$/,
    );
  });
});

describe("createDuplexTransport refuses", () => {
  test("a server whose certificate is for another name", async () => {
    for (const address of addresses()) {
      const { code, rawMessage } = await failureOf(address, "wrong.example");
      expect(code).toBe(Code.Unavailable);
      expect(rawMessage).toContain('is not for "wrong.example"');
    }
  });

  test("to go on when nobody listens, and says where", async () => {
    const missing = await failureOf({ kind: "unix", path: "/nonexistent/aurae.sock" });
    expect(missing.code).toBe(Code.Unavailable);
    expect(missing.rawMessage).toContain('connect to "/nonexistent/aurae.sock": no such socket');
    const refused = await failureOf({ kind: "tcp", host: "127.0.0.1", port: 1 });
    expect(refused.rawMessage).toContain("nobody listens there");
  });

  test("that the daemon may have ended, or does not trust us", async () => {
    const { createAuthority } = await import("../../src/pki/authority.ts");
    const stranger = await createAuthority({ trustDomain: "other", commonName: "other" });
    const pair = await fixture.server.pair({ commonName: "x" }, stranger);
    for (const address of addresses()) {
      const options = optionsFor(address);
      using transport = await createDuplexTransport({
        ...options,
        credentials: { ...options.credentials, cert: pair.certificatePem, key: pair.keyPem },
      });
      const requests = new Channel<Request>(1);
      requests.offer(START);
      const error = await (async () => {
        for await (const _ of createClient(CellService, transport).exec(requests)) {
          break;
        }
      })().catch((reason: unknown) => ConnectError.from(reason));
      expect(error).toMatchObject({ code: Code.Unavailable });
      expect((error as ConnectError).rawMessage).toContain(
        `the server closed the connection: it has ended, or it does not trust "${options.paths.clientCrt}"`,
      );
    }
  });
});
