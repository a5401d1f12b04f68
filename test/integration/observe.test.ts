/** Output and the daemon's log over a real server, from real histories. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { log, recentLog } from "../../src/base/log.ts";
import type { OutputHistory } from "../../src/domain/output/output-history.ts";
import type { OutputStore } from "../../src/domain/output/output-store.ts";
import {
  type GetSubProcessStreamRequest,
  type GetSubProcessStreamResponse,
  LogChannelType,
  ObserveService,
} from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../src/gen/grpc/health/v1/health_pb.ts";
import { createObserveService } from "../../src/service/observe/handler.ts";
import { eventually } from "../harness/eventually.ts";
import { append, OutputFixture, say } from "../harness/output.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

const { STDOUT, STDERR, UNSPECIFIED } = LogChannelType;
const PID = 4711;
const MIB = 1024 * 1024;

let server: Fixture;
let output: OutputFixture;
let store: OutputStore;
let history: OutputHistory;

beforeAll(async () => {
  const sources = {
    byName: (...args: Parameters<OutputStore["byName"]>) => store.byName(...args),
    byPid: (pid: number) => store.byPid(pid),
    byVm: (id: string) => store.byVm(id),
  };
  server = await startFixture({ observe: createObserveService(sources, recentLog) });
});
afterAll(() => server[Symbol.asyncDispose]());

beforeEach(() => {
  output = new OutputFixture();
  store = output.store();
  history = output.start(store, PID);
});
afterEach(() => {
  store.abandon();
  output[Symbol.dispose]();
});

type Ask = Partial<Omit<GetSubProcessStreamRequest, "$typeName">>;

const grpc = () =>
  createGrpcTransport({ baseUrl: server.baseUrl, nodeOptions: server.clientTls() });

function transports(): [string, Transport][] {
  const { baseUrl } = server;
  const nodeOptions = server.clientTls();
  const plain = { baseUrl, nodeOptions, acceptCompression: [] };
  const h2 = { baseUrl, nodeOptions, httpVersion: "2" as const };
  return [
    ["gRPC, gzip", grpc()],
    ["gRPC", createGrpcTransport(plain)],
    ["gRPC-Web, gzip", createGrpcWebTransport(h2)],
    ["Connect, HTTP/1.1", createConnectTransport({ ...plain, httpVersion: "1.1" })],
    ["Connect, gzip", createConnectTransport({ ...h2, useBinaryFormat: true })],
    ["Connect, JSON", createConnectTransport({ ...h2, useBinaryFormat: false })],
  ];
}

function stream(ask: Ask, transport = grpc(), signal?: AbortSignal) {
  const client = createClient(ObserveService, transport);
  return client.getSubProcessStream(
    { processId: PID, channelType: STDOUT, ...ask },
    signal === undefined ? {} : { signal },
  );
}

const answers = (ask: Ask, transport?: Transport) => Array.fromAsync(stream(ask, transport));

/** Lines as they are, partial ones with `…`, and what was missed as `<n>`. */
async function lines(ask: Ask, transport?: Transport): Promise<string[]> {
  return (await answers(ask, transport)).flatMap(({ item, missedBytes }) => [
    ...(missedBytes > 0n ? [`<${missedBytes}>`] : []),
    ...(item === undefined ? [] : [`${item.line}${item.partial ? "…" : ""}`]),
  ]);
}

async function failure(ask: Ask): Promise<ConnectError> {
  const error = await answers({ processId: 0, channelType: UNSPECIFIED, ...ask }).catch(
    ConnectError.from,
  );
  return error as ConnectError;
}

describe("GetSubProcessStream of a virtual machine", () => {
  const ofVm = { processId: 0, channelType: UNSPECIFIED, vmId: "db" };

  test("has its console and its serial port, each by its name", async () => {
    const vm = output.begin(store.openVm("db"), 200);
    say(vm, "login\n");
    say(vm, "boot\n", "stderr");
    vm.close();
    const items = (await answers(ofVm)).map(({ item }) => [item?.channel, item?.line]);
    expect(items.sort()).toEqual([
      ["db::console", "login"],
      ["db::serial", "boot"],
    ]);
    expect(await lines({ ...ofVm, channelType: LogChannelType.SERIAL })).toEqual(["boot"]);
    const raw = await answers({ ...ofVm, raw: true });
    expect(new Set(raw.map(({ channelType }) => channelType))).toEqual(
      new Set([LogChannelType.CONSOLE, LogChannelType.SERIAL]),
    );
  });

  test("refuses one that is not there, another name with it, and streams that it has not", async () => {
    expect(await failure({ vmId: "none" })).toMatchObject({ code: Code.NotFound });
    for (const [ask, message] of [
      [{ vmId: "a_b" }, "vm_id: must be 1 to 63 letters"],
      [{ vmId: "db", processId: 7 }, "process_id: must be left out with a vm_id"],
      [{ vmId: "db", executableName: "x" }, "executable_name: must be left out with a vm_id"],
      [{ vmId: "db", cellName: "x" }, "cell_name: must be left out with a vm_id"],
      [{ vmId: "db", channelType: STDOUT }, "channel_type: there is no such stream: a vm has"],
      [
        { processId: PID, channelType: LogChannelType.CONSOLE },
        "channel_type: there is no such stream: it has stdout and stderr",
      ],
      [{}, "executable_name: value is required without a process_id or a vm_id"],
    ] as const) {
      const error = await failure(ask);
      expect([error.code, error.rawMessage]).toEqual([
        ...[Code.InvalidArgument, expect.stringContaining(message)],
      ]);
    }
  });
});

describe("GetSubProcessStream", () => {
  test("gives what is kept and then what comes, in every protocol", async () => {
    say(history, "kept\n");
    const all = transports().map(async ([name, transport]) => {
      expect([name, ...(await lines({}, transport))]).toEqual([name, "kept", "live", "end…"]);
    });
    await eventually("all follow", () => history.views.stdout.followers === all.length);
    say(history, "li");
    say(history, "ve\nend");
    history.close();
    await Promise.all(all);
  });

  test("gives raw bytes as they are, in every protocol", async () => {
    const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    const text = Buffer.alloc(300_000, "compressible ");
    const all = transports().map(async ([name, transport]) => {
      const got = await answers({ raw: true }, transport);
      expect(got.every((it) => it.channelType === STDOUT && it.item === undefined)).toBe(true);
      const data = Buffer.concat(got.map((it) => it.data));
      expect([name, data.equals(Buffer.concat([bytes, text, bytes]))]).toEqual([name, true]);
    });
    await eventually("all follow", () => history.views.stdout.followers === all.length);
    for (const part of [bytes, text, bytes]) {
      append(history, part);
      await Bun.sleep(1);
    }
    history.close();
    await Promise.all(all);
  });

  test("keeps the order of many lines, and their end, in every protocol", async () => {
    const words = Array.from({ length: 5_000 }, (_, i) => `line ${i}`);
    say(history, `${words.join("\n")}\nrest`);
    history.close();
    for (const [name, transport] of transports()) {
      expect([name, ...(await lines({}, transport))]).toEqual([name, ...words, "rest…"]);
    }
  });

  test("tells channel and time of a line, and keeps bytes that are not UTF-8", async () => {
    output.nowMs = 1_795_000_000_999;
    append(history, Buffer.from("caf\xe9\r\n", "latin1"), "stderr");
    history.close();
    const [answer] = await answers({ channelType: UNSPECIFIED });
    expect(answer?.item).toMatchObject({
      channel: "x::stderr",
      line: "caf\ufffd\r",
      timestamp: 1_795_000_000n,
      partial: false,
    });
    expect(Buffer.from(answer!.item!.rawLine).toString("latin1")).toBe("caf\xe9\r");
  });

  test("cuts very long lines", async () => {
    append(history, Buffer.concat([Buffer.alloc(MIB + 5, "x"), Buffer.from("\n")]));
    history.close();
    const got = await answers({});
    expect(got.map(({ item }) => [item?.line.length, item?.partial])).toEqual([
      [MIB, true],
      [5, false],
    ]);
  });

  test("takes since, tail and follow", async () => {
    for (let i = 0; i < 6; i++) {
      say(history, `${i}\n`, i % 2 === 0 ? "stdout" : "stderr");
      output.nowMs += 1_000;
    }
    const ask = { follow: false, channelType: UNSPECIFIED };
    expect(await lines(ask)).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(await lines({ ...ask, tail: 2 })).toEqual(["4", "5"]);
    expect(await lines({ ...ask, tail: 0 })).toEqual([]);
    expect(await lines({ ...ask, sinceMs: 1_003_000n })).toEqual(["3", "4", "5"]);
    expect(await lines({ ...ask, sinceMs: 1_003_000n, tail: 1 })).toEqual(["5"]);
    expect(await lines({ ...ask, channelType: STDERR })).toEqual(["1", "3", "5"]);
  });

  test("reads by name when the executable and the daemon are gone", async () => {
    say(history, "still here\n");
    history.close();
    store = output.store();
    const ask = { processId: 0, cellName: "a", executableName: "x" };
    expect(await lines(ask)).toEqual(["still here"]);
    expect(await lines({})).toEqual(["still here"]);
  });

  test("sends the beginning of a line when no more comes", async () => {
    const answered = stream({})[Symbol.asyncIterator]();
    const first = answered.next();
    await eventually("it follows", () => history.views.stdout.followers === 1);
    say(history, "Password: ");
    expect((await first).value?.item).toMatchObject({ line: "Password: ", partial: true });
    say(history, "ok\n");
    expect((await answered.next()).value?.item).toMatchObject({ line: "ok", partial: false });
    history.close();
    expect((await answered.next()).done).toBe(true);
  });

  test("is NOT_FOUND for what is not there", async () => {
    const unknown = await failure({ processId: 7 });
    expect([unknown.code, unknown.rawMessage]).toEqual([
      Code.NotFound,
      "Failed to find any registered channels for 7",
    ]);
    expect((await failure({ executableName: "x" })).rawMessage).toBe(
      "Failed to find any registered channels for executable 'x' outside of cells",
    );
    expect((await failure({ executableName: "y", cellName: "a" })).code).toBe(Code.NotFound);
  });

  test("names every bad field", async () => {
    const fields = async (ask: Ask): Promise<string> => {
      const { code, rawMessage } = await failure(ask);
      expect(code).toBe(Code.InvalidArgument);
      return rawMessage.replace(/: [^;]*/g, "");
    };
    expect(await fields({})).toBe("executable_name");
    expect(await fields({ cellName: "a_b", executableName: ".." })).toBe(
      "cell_name; executable_name",
    );
    expect(await fields({ processId: 1, executableName: "x" })).toBe("executable_name");
    expect(await fields({ processId: 1, cellName: "a" })).toBe("cell_name");
    expect(await fields({ processId: 1, channelType: 9 as LogChannelType })).toBe("channel_type");
  });
});

describe("a reader of GetSubProcessStream", () => {
  const openFiles = () => readdirSync("/proc/self/fd").length;

  async function feed(totalBytes: number): Promise<number> {
    const chunk = Buffer.alloc(64 * 1024, "0123456789abcde\n");
    let peak = 0;
    for (let at = 0; at < totalBytes; at += chunk.length) {
      append(history, chunk);
      await new Promise((resolve) => setImmediate(resolve));
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    return peak;
  }

  test("that does not read holds little, and hears exactly what it has missed", async () => {
    const total = 200 * MIB;
    const plain = { baseUrl: server.baseUrl, nodeOptions: server.clientTls() };
    const transport = createGrpcTransport({ ...plain, acceptCompression: [] });
    const reader = stream({ raw: true }, transport)[Symbol.asyncIterator]();
    const first = reader.next();
    await eventually("it follows", () => history.views.stdout.followers === 1);
    await feed(MIB);
    const got: GetSubProcessStreamResponse[] = [(await first).value!];
    const before = process.memoryUsage.rss();
    const peak = await feed(total - MIB);
    // What the collector has not taken yet is in it, too.
    expect(peak - before).toBeLessThan(128 * MIB);
    history.close();
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
      got.push(next.value);
    }
    const bytes = got.reduce((sum, { data }) => sum + data.length, 0);
    const missed = got.reduce((sum, { missedBytes }) => sum + Number(missedBytes), 0);
    expect(missed).toBeGreaterThan(total / 2);
    expect(bytes + missed).toBe(total);
  });

  test("that goes away leaves nothing behind", async () => {
    say(history, "x\n");
    const transport = grpc();
    expect(await lines({ follow: false }, transport)).toEqual(["x"]);
    const before = openFiles();
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const reader = stream({ raw: i % 2 === 0 }, transport, controller.signal);
      const iterator = reader[Symbol.asyncIterator]();
      expect((await iterator.next()).done).toBe(false);
      controller.abort();
      await iterator.next().catch(() => undefined);
    }
    await eventually("all are gone", () => history.views.stdout.followers === 0);
    expect(history.waiterCount).toBe(0);
    expect(history.views.stdout.live).toBeUndefined();
    expect(openFiles()).toBe(before);
  });
});

describe("a full disk", () => {
  const isRoot = process.getuid?.() === 0;
  const run = isRoot ? test : test.skip;

  run(
    `costs output, never its writer: needs root${isRoot ? "" : `, is ${process.getuid?.()}`}`,
    async () => {
      Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", output.root]);
      try {
        const ballast = join(output.root, "ballast");
        writeFileSync(ballast, Buffer.alloc(100 * 1024));
        const chunk = Buffer.alloc(16 * 1024, "full\n");
        for (let i = 0; i < 40; i++) {
          append(history, chunk);
        }
        const lost = history.lostBytes;
        expect(lost).toBeGreaterThan(400 * 1024);
        rmSync(ballast);
        await eventually("it writes again", () => {
          const before = history.lostBytes;
          say(history, "space again\n");
          return history.lostBytes === before;
        });
        const allLost = BigInt(history.lostBytes);
        history.close();
        const got = await answers({ raw: true, follow: false });
        expect(got.reduce((sum, { missedBytes }) => sum + missedBytes, 0n)).toBe(allLost);
        expect(Buffer.concat(got.map(({ data }) => data)).toString()).toEndWith("space again\n");
      } finally {
        store.abandon();
        Bun.spawnSync(["umount", output.root]);
      }
    },
  );
});

describe("ObserveService", () => {
  test("streams the daemon's log: its last lines, and then what comes", async () => {
    log.info("before", { nonce: "n1" });
    const controller = new AbortController();
    const client = createClient(ObserveService, grpc());
    const seen: string[] = [];
    const follow = async (): Promise<void> => {
      const { signal } = controller;
      for await (const { item } of client.getAuraeDaemonLogStream({}, { signal })) {
        expect(item?.channel).toBe("auraed");
        seen.push(item?.line ?? "");
      }
    };
    const ended = follow().catch(() => undefined);
    await eventually("history", () => seen.some((line) => line.endsWith("before nonce=n1")));
    log.info("after", { nonce: "n2" });
    await eventually("live", () => seen.at(-1)?.endsWith("after nonce=n2"));
    controller.abort();
    await ended;
    await eventually("it is gone", () => recentLog.waiterCount === 0);
  });

  test("is healthy, and says of signals that they are not there", async () => {
    const { typeName } = ObserveService;
    const { status } = await createClient(Health, grpc()).check({ service: typeName });
    expect(status).toBe(Status.SERVING);
    const client = createClient(ObserveService, grpc());
    const error = await Array.fromAsync(client.getPosixSignalsStream({})).catch(ConnectError.from);
    expect((error as ConnectError).code).toBe(Code.Unimplemented);
  });
});
