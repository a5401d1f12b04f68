/** What nobody should send: each is answered for what it is, and the server goes on. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { setLogSink } from "../../src/base/log.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { SyscallError } from "../../src/kernel/sys/error.ts";
import { guarded } from "../../src/service/errors.ts";
import { eventually } from "../harness/eventually.ts";
import { data, FRAME, frame, headers, PREFACE } from "./http2-frames.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";
const CHECK = "grpc.health.v1.Health/Check";
const WATCH = "grpc.health.v1.Health/Watch";
const ALLOCATE = "aurae.cells.v0.CellService/Allocate";
const FREE = "aurae.cells.v0.CellService/Free";
const START = "aurae.cells.v0.CellService/Start";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({
    cells: {
      allocate: ({ cell }) => ({ cellName: cell?.name ?? "", cgroupV2: true }),
      free() {
        throw new SyscallError("rmdir", 16, '"/sys/fs/cgroup/secret"');
      },
      list() {
        throw new TypeError("undefined is not a function");
      },
    },
  });
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function refusal(path: string, body: string | Uint8Array): Promise<string> {
  const { status, text } = await fixture.post(path, body);
  const { code, message } = JSON.parse(text);
  expect(`${status} ${code}`).toBe("400 invalid_argument");
  expect((await fixture.post(DISCOVER, "{}")).status).toBe(200);
  return message;
}

function fields(text: string): string[] {
  const { details } = JSON.parse(text);
  const [detail] = details;
  expect(detail.type).toBe("google.rpc.BadRequest");
  return detail.debug.fieldViolations.map((violation: { field: string }) => violation.field);
}

describe("a JSON message", () => {
  test("that is not JSON is INVALID_ARGUMENT", async () => {
    for (const body of ["", "{", "nope", '{"cell":}', "[]", "null", '"x"', "12", "\xff\xfe"]) {
      expect(await refusal(ALLOCATE, body)).not.toBe("");
    }
  });

  test("that is not UTF-8 is refused, and never mended", async () => {
    const bad = [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc3]];
    for (const bytes of bad) {
      const body = (name: string) =>
        Buffer.concat([Buffer.from(`{"${name}":"a`), Buffer.from(bytes), Buffer.from('"}')]);
      expect(await refusal(FREE, body("cellName"))).toContain("not valid UTF-8");
      const payload = body("service");
      const head = Buffer.from([0, 0, 0, 0, payload.length]);
      const { stdout } = await fixture.curl(
        [
          ...fixture.as(fixture.admin),
          ...fixture.resolve,
          ...["-H", "content-type: application/connect+json", "--data-binary", "@-"],
          fixture.url(WATCH),
        ],
        Buffer.concat([head, payload]),
      );
      expect(stdout).toContain('"invalid_argument"');
      expect(stdout).toContain("not valid UTF-8");
    }
    const whole = Buffer.from('\ufeff{"service":"grüße 😀"}');
    expect((await fixture.post(CHECK, whole)).text).toContain("grüße 😀");
  });

  test("with an unknown field names it", async () => {
    expect(await refusal(ALLOCATE, '{"cell":{"name":"a","memmory":{}}}')).toBe(
      "cell.memmory: is not a field of aurae.cells.v0.Cell",
    );
    expect(await refusal(DISCOVER, '{"x":1}')).toContain("x: is not a field of ");
  });

  test("with a wrong type or a number out of range names the field", async () => {
    const cases: [string, string][] = [
      ['{"cell":{"name":12}}', "cell.name: "],
      ['{"cell":{"name":"a","cpu":[]}}', "cell.cpu: "],
      ['{"cell":{"name":"a","cpu":{"weight":-1}}}', "cell.cpu.weight: "],
      ['{"cell":{"name":"a","cpu":{"weight":1.5}}}', "cell.cpu.weight: "],
      ['{"cell":{"name":"a","cpu":{"weight":"18446744073709551616"}}}', "cell.cpu.weight: "],
      ['{"cell":{"name":"a","memory":{"max":"9223372036854775808"}}}', "cell.memory.max: "],
      ['{"cell":{"name":"a","memory":{"max":1e400}}}', "cell.memory.max: "],
      ['{"cell":{"name":"a","isolate_process":"yes"}}', "cell.isolate_process: "],
      ['{"executable":{},"uid":4294967296}', "uid: "],
    ];
    for (const [body, field] of cases) {
      expect(await refusal(body.includes("executable") ? START : ALLOCATE, body)).toContain(field);
    }
  });

  test("nested 10,000 and 1,000,000 levels deep does no harm", async () => {
    for (const depth of [10_000, 1_000_000]) {
      await refusal(ALLOCATE, "[".repeat(depth) + "]".repeat(depth));
      await refusal(ALLOCATE, `${'{"cell":'.repeat(depth / 4)}1${"}".repeat(depth / 4)}`);
    }
  });

  test("with a key twice, or with __proto__, is refused", async () => {
    expect(await refusal(ALLOCATE, '{"cell":{"name":"..","name":"b"}}')).toContain('"name"');
    expect(await refusal(ALLOCATE, '{"__proto__":{"cell":{"name":"x"}}}')).toContain("__proto__");
  });

  test("with megabytes where there should be a few bytes is refused without repeating them", async () => {
    const large = "x".repeat(3_000_000);
    for (const cell of [{ name: large }, { name: "a", cpu: { weight: large } }, { [large]: 1 }]) {
      expect((await refusal(ALLOCATE, JSON.stringify({ cell }))).length).toBeLessThan(5_000);
    }
  });
});

describe("validation", () => {
  test("lists every bad field, in words and as google.rpc.BadRequest", async () => {
    const { status, text } = await fixture.post(
      ALLOCATE,
      '{"cell":{"name":"a/../b","cpu":{"weight":"0","max":"-1"},"cpuset":{"cpus":"x"}}}',
    );
    expect(status).toBe(400);
    const bad = ["cell.name", "cell.cpu.weight", "cell.cpu.max", "cell.cpuset.cpus"];
    expect(fields(text).sort()).toEqual([...bad].sort());
    for (const field of bad) {
      expect(JSON.parse(text).message).toContain(`${field}: must `);
    }
  });

  test("refuses names that are no names", async () => {
    const names = ["", "..", "a/..", "a//b", "a\0b", "-a", "a_b", "é", "x".repeat(10_000), "a\nb"];
    for (const name of names) {
      const { status, text } = await fixture.post(ALLOCATE, JSON.stringify({ cell: { name } }));
      expect(`${JSON.stringify(name)} ${status}`).toBe(`${JSON.stringify(name)} 400`);
      expect(fields(text)).toContain("cell.name");
    }
  });

  test("reaches gRPC clients with its code and its detail", async () => {
    const transport = createGrpcTransport({
      baseUrl: fixture.baseUrl,
      nodeOptions: fixture.clientTls(),
    });
    const error = await createClient(CellService, transport)
      .allocate({ cell: { name: ".." } })
      .catch(ConnectError.from);
    expect(error).toBeInstanceOf(ConnectError);
    const { code, details } = error as ConnectError;
    expect(code).toBe(Code.InvalidArgument);
    expect(details.map((detail) => ("type" in detail ? detail.type : ""))).toEqual([
      "google.rpc.BadRequest",
    ]);
  });
});

describe("an error of ours", () => {
  test("says nothing of its inside to the caller and everything to the log", async () => {
    const lines: string[] = [];
    const restore = setLogSink((line) => lines.push(line));
    try {
      for (const [method, inside] of [
        ["List", "undefined is not a function"],
        ["Free", "secret"],
      ] as const) {
        const body = method === "Free" ? '{"cell_name":"a"}' : "{}";
        const { status, text } = await fixture.post(`aurae.cells.v0.CellService/${method}`, body);
        expect(status).toBe(500);
        expect(JSON.parse(text)).toEqual({ code: "internal", message: "internal error" });
        expect(lines.join("")).toContain(inside);
        expect(lines.join("")).toContain(` method=aurae.cells.v0.CellService/${method} `);
      }
    } finally {
      restore();
    }
  });
});

describe("a peer that goes away in the middle of a request", () => {
  test("leaves no error in the log", async () => {
    const entered = Promise.withResolvers<void>();
    await using own = await startFixture({ options: { gate: guarded(() => entered.resolve()) } });
    const lines: string[] = [];
    const restore = setLogSink((line) => lines.push(line));
    try {
      const peer = await own.rawTls("h2");
      const type = { "content-type": "application/connect+json" };
      peer.socket.write(
        Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), headers(1, WATCH, type)]),
      );
      await entered.promise;
      peer.socket.destroy();
      await eventually("its end", () => own.server.connectionCount === 0);
      expect((await own.post(DISCOVER, "{}")).status).toBe(200);
      expect(lines).toEqual([]);
    } finally {
      restore();
    }
  });
});

describe("a request that is hardly HTTP", () => {
  test("over HTTP/1.1 ends itself and nobody else", async () => {
    const post = (target: string, ...more: string[]) =>
      [
        `POST ${target} HTTP/1.1`,
        ...more,
        "content-type: application/json",
        "content-length: 2",
        "",
        "{}",
      ].join("\r\n");
    const answered = [
      post(`/${DISCOVER}`),
      post(`/${DISCOVER}`, "host: [[["),
      post(`/${DISCOVER}`, "host: a b"),
      post(`/${DISCOVER}?${"%".repeat(100)}&x=//@:`, "host: x"),
      post(`/${DISCOVER}`, "host: x", "x-latin: \xe9\xff"),
      post(`//${DISCOVER}`, "host: x"),
      post(`https://[::1]:99999/${DISCOVER}`, "host: x"),
      post("*", "host: x"),
      `POST /${DISCOVER} HTTP/1.0\r\n\r\n`,
      "\0\x01\x02\r\n\r\n",
      "GET\r\n\r\n",
      post(`/${DISCOVER}`, "host: x", "content-length: 3"),
      post(`/${DISCOVER}`, "host: x", "transfer-encoding: chunked"),
      `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
      "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
      `POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\n`,
      post(`/${CHECK}`, "host: x", "connect-timeout-ms: -1"),
      post(`/${CHECK}`, "host: x", "content-encoding: nope"),
    ];
    for (const bytes of answered) {
      const peer = await fixture.rawTls("http/1.1");
      peer.send(bytes);
      const first = await Promise.race([
        peer.until((text) => text.startsWith("HTTP/1.1 ")),
        peer.closed.then(() => "closed"),
      ]).catch(() => "closed");
      expect(first).not.toContain("    at ");
      peer.socket.destroy();
      expect((await fixture.post(DISCOVER, "{}")).status).toBe(200);
    }
  });

  test("over HTTP/2 ends itself and nobody else", async () => {
    const json = { "content-type": "application/json" };
    const cases: Record<string, Buffer> = {
      "no path": frame(FRAME.headers, 5, 1, Buffer.from([0x83, 0x87])),
      "bad HPACK": frame(FRAME.headers, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
      "an even stream": headers(2, DISCOVER, json, true),
      "data without headers": data(5, Buffer.from("x")),
      "an upper-case header": headers(1, DISCOVER, { "X-Upper": "y" }, true),
      "a header with a line feed": headers(1, DISCOVER, { ...json, x: "a\r\nb" }, true),
      "a frame larger than allowed": frame(FRAME.data, 0, 1, Buffer.alloc(40_000)),
      "a connection header": headers(1, DISCOVER, { ...json, connection: "close" }, true),
      "a reset of nothing": frame(FRAME.reset, 0, 9, Buffer.from([0, 0, 0, 8])),
      "a short settings frame": frame(FRAME.settings, 0, 0, Buffer.from([1])),
      "a thousand streams that are reset at once": Buffer.concat(
        Array.from({ length: 1000 }, (_, at) =>
          Buffer.concat([
            headers(at * 2 + 1, DISCOVER, json),
            frame(FRAME.reset, 0, at * 2 + 1, Buffer.from([0, 0, 0, 8])),
          ]),
        ),
      ),
    };
    for (const bytes of Object.values(cases)) {
      const peer = await fixture.rawTls("h2");
      peer.socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), bytes]));
      await peer.until((text) => text.length > 0);
      expect((await fixture.post(DISCOVER, "{}", "--http2")).status).toBe(200);
      peer.socket.destroy();
    }
  });

  test("over HTTP/2 with a strange authority is answered all the same", async () => {
    const session = connect(fixture.baseUrl, fixture.clientTls());
    session.on("error", () => undefined);
    for (const authority of ["[[[", "a b", "x:99999", ""]) {
      const stream = session.request({
        ":method": "POST",
        ":path": `/${DISCOVER}`,
        ":authority": authority,
        "content-type": "application/json",
      });
      const status = new Promise((resolve) => {
        stream.once("response", (answer) => resolve(answer[":status"]));
        stream.once("error", () => resolve("reset"));
      });
      stream.resume();
      stream.end("{}");
      expect([200, "reset"]).toContain((await status) as never);
    }
    session.destroy();
    expect((await fixture.post(DISCOVER, "{}")).status).toBe(200);
  });
});
