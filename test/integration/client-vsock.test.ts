/** Calls into a virtual machine by its monitor's socket, with a monitor of the test's own that leads to a server here. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { Channel } from "../../src/base/channel.ts";
import type { Address } from "../../src/client/address.ts";
import { createDuplexTransport } from "../../src/client/transport.ts";
import {
  CellService,
  type CellServiceExecRequestSchema,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { aer, AerFixture } from "./aer-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-vsock-"));
const path = join(folder, "vsock.sock");
const address: Address = { kind: "vsock", path, port: 8080 };
let fixture: AerFixture;
let monitor: Server | undefined;
/** The lines that the monitor was told. */
let asked: string[] = [];

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      async *exec(requests) {
        for await (const { message } of requests) {
          if (message.case === "stdin") {
            yield { message: { case: "stdout", value: message.value } };
          }
        }
      },
    },
  });
});

afterEach(async () => {
  await new Promise<void>((resolve) =>
    monitor === undefined ? resolve() : monitor.close(() => resolve()),
  );
  monitor = undefined;
  asked = [];
  rmSync(path, { force: true });
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** @param answer what it does with a connection that has asked for a port */
async function startMonitor(answer: (socket: Socket, line: string) => void): Promise<void> {
  const made = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (line: Buffer) => {
      asked.push(line.toString());
      answer(socket, line.toString());
    });
  });
  monitor = made;
  await new Promise<void>((resolve) => made.listen(path, () => resolve()));
}

function leadToServer(socket: Socket): void {
  const far = connect(fixture.server.port, "127.0.0.1");
  far.on("error", () => socket.destroy());
  socket.on("close", () => far.destroy());
  // In pieces: the answer of the monitor is a line of a stream like any other.
  socket.write("OK 107");
  setImmediate(() => {
    socket.write("3741824\n");
    socket.pipe(far).pipe(socket);
  });
}

async function refusal(): Promise<ConnectError> {
  using transport = fixture.transport({ address });
  try {
    await createClient(DiscoveryService, transport).discover({});
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("it was not refused");
}

describe("a vsock address", () => {
  test("carries unary calls over one connection, and streams", async () => {
    await startMonitor(leadToServer);
    using transport = fixture.transport({ address });
    const client = createClient(DiscoveryService, transport);
    for (let nth = 0; nth < 3; nth++) {
      expect(await client.discover({})).toMatchObject({ healthy: true });
    }
    expect(asked).toEqual(["CONNECT 8080\n"]);
    for await (const { status } of createClient(Health, transport).watch({})) {
      expect(status).toBe(1);
      break;
    }
  });

  test("carries calls whose requests are a stream", async () => {
    await startMonitor(leadToServer);
    const { admin, authority, caFile } = fixture.server;
    using transport = await createDuplexTransport({
      address,
      credentials: { ca: authority.certificatePem, cert: admin.certificatePem, key: admin.keyPem },
      paths: { caCrt: caFile, clientCrt: admin.crt, clientKey: admin.key },
    });
    const requests = new Channel<MessageInitShape<typeof CellServiceExecRequestSchema>>(2);
    requests.offer({ message: { case: "start", value: { cellName: "a", args: ["cat"] } } });
    requests.offer({ message: { case: "stdin", value: Buffer.from("hello") } });
    for await (const { message } of createClient(CellService, transport).exec(requests)) {
      expect(message).toMatchObject({ case: "stdout" });
      expect(Buffer.from(message.value as Uint8Array).toString()).toBe("hello");
      break;
    }
    expect(asked).toEqual(["CONNECT 8080\n"]);
  });

  test("is one that aer takes, as an argument and in a configuration", async () => {
    await startMonitor(leadToServer);
    const { admin, caFile } = fixture.server;
    const { stdout, code } = await aer([
      ...["--ca-crt", caFile, "--client-crt", admin.crt, "--client-key", admin.key],
      ...["--socket", `vsock:${path}:8080`, "discovery", "discover"],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("healthy");
  });

  test.each([
    [
      "closes it",
      (socket: Socket) => socket.destroy(),
      "nobody listens on this port of the virtual machine; wait until its auraed is up",
    ],
    ["ends it", (socket: Socket) => socket.end(), "nobody listens on this port"],
    ["is none", (socket: Socket) => socket.write("HTTP/1.1 400 Bad Request\r\n"), "is no monitor"],
    ["talks on and on", (socket: Socket) => socket.write("x".repeat(1000)), "is no monitor"],
    [
      "leads nowhere",
      (socket: Socket) => socket.end("OK 1\n"),
      "the server closed the connection: it has ended, or it does not trust",
    ],
  ])("is refused when the monitor %s", async (_what, answer, fault) => {
    await startMonitor(answer);
    const error = await refusal();
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toStartWith(`connect to "vsock:${path}:8080": `);
    expect(error.rawMessage).toContain(fault);
  });

  test("is refused without a machine", async () => {
    const { rawMessage } = await refusal();
    expect(rawMessage).toContain(
      "no such socket; start the virtual machine, and give it a vsock device",
    );
  });

  test("refuses a server of another CA", async () => {
    await using stranger = await AerFixture.start();
    await startMonitor((socket) => {
      const far = connect(stranger.server.port, "127.0.0.1");
      socket.write("OK 1\n");
      socket.pipe(far).pipe(socket);
    });
    expect((await refusal()).rawMessage).toContain("is not of the CA");
  });
});
