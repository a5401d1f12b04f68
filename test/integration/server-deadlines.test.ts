/** Deadlines of calls: kept when they pass, and no shorter than they were meant. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { eventually } from "../harness/eventually.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

const WATCH = "grpc.health.v1.Health/Watch";
const LIST = "aurae.cells.v0.CellService/List";
const FREE = "aurae.cells.v0.CellService/Free";

let fixture: Fixture;
let freed = 0;
beforeAll(async () => {
  fixture = await startFixture({
    cells: {
      // Heeds no signal.
      list: () => new Promise(() => undefined),
      free: () => {
        freed += 1;
        return {};
      },
    },
  });
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** Watches the daemon's health over gRPC with headers of the test's own. */
function watch(headers: Record<string, string>) {
  const session = connect(fixture.baseUrl, fixture.clientTls());
  const stream = session.request({
    ":method": "POST",
    ":path": `/${WATCH}`,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const seen = { messages: 0, status: undefined as string | undefined };
  // Each message is 5 bytes of an envelope and a field of 2.
  stream.on("data", (chunk: Buffer) => {
    seen.messages += chunk.length / 7;
  });
  stream.on("trailers", (trailers) => {
    seen.status = String(trailers["grpc-status"]);
  });
  stream.on("error", () => undefined);
  stream.end(Buffer.alloc(5));
  return { seen, [Symbol.dispose]: () => session.destroy() };
}

describe("a deadline", () => {
  test("of longer than a timer can wait is no deadline of a millisecond", async () => {
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(warning.name);
    process.on("warning", warn);
    try {
      using watcher = watch({ "grpc-timeout": "1000H" });
      await eventually("the status", () => watcher.seen.messages === 1);
      fixture.health.set("", fixture.health.get("") === 1 ? 2 : 1);
      await eventually("the change", () => watcher.seen.messages === 2);
      expect(watcher.seen.status).toBeUndefined();
      const answer = await fixture.post(
        FREE,
        '{"cellName":"a"}',
        ...["-H", "connect-timeout-ms: 9999999999"],
      );
      expect(answer.status).toBe(200);
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", warn);
    }
  });

  test("of a stream that passes ends it with DEADLINE_EXCEEDED", async () => {
    using watcher = watch({ "grpc-timeout": "100m" });
    const status = await eventually("its end", () => watcher.seen.status);
    expect(Number(status)).toBe(Code.DeadlineExceeded);
    expect(watcher.seen.messages).toBe(1);
    expect(fixture.health.watcherCount).toBe(0);
  });

  test("of a unary call that passes is answered at once, whatever the handler does", async () => {
    for (const version of ["--http1.1", "--http2"]) {
      const answer = await fixture.post(LIST, "{}", version, "-H", "connect-timeout-ms: 50");
      expect(answer.status).toBe(504);
      expect(JSON.parse(answer.text).code).toBe("deadline_exceeded");
    }
    const transport = createConnectTransport({
      ...{ baseUrl: fixture.baseUrl, httpVersion: "2" },
      nodeOptions: fixture.clientTls(),
    });
    const error = await createClient(CellService, transport)
      .list({}, { timeoutMs: 50 })
      .catch(ConnectError.from);
    expect((error as ConnectError).code).toBe(Code.DeadlineExceeded);
  });

  test("that has passed before the call is whole keeps the handler from running", async () => {
    const before = freed;
    const answer = await fixture.post(FREE, '{"cellName":"a"}', ...["-H", "connect-timeout-ms: 0"]);
    expect(JSON.parse(answer.text).code).toBe("deadline_exceeded");
    expect(freed).toBe(before);
  });
});
