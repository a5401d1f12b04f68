/** `aer cell logs`, `start --wait` and the renderings of the other methods, against scripted cells. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type {
  CellServiceStartRequest,
  CellServiceStopRequest,
  CellServiceWaitResponseSchema,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type {
  GetSubProcessStreamRequest,
  GetSubProcessStreamResponseSchema,
} from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { eventually } from "../harness/eventually.ts";
import { FakeHost } from "../harness/fake-host.ts";
import { AerFixture, type AerOptions } from "./aer-fixture.ts";

type Output = MessageInitShape<typeof GetSubProcessStreamResponseSchema>;
const STDERR = 2;

let fixture: AerFixture;
let started: CellServiceStartRequest[] = [];
let stopped: CellServiceStopRequest[] = [];
let asked: GetSubProcessStreamRequest[] = [];
let output: Output[] = [];
/** What GetSubProcessStream waits for before it ends, if it follows. */
let ending = Promise.withResolvers<MessageInitShape<typeof CellServiceWaitResponseSchema>>();
let hasObserve = true;

const exited = (value: number) => ({
  exitStatus: { outcome: { case: "exitCode" as const, value } },
});

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      start: (request) => {
        started.push(request);
        return { pid: 2, hostPid: 77 };
      },
      wait: async ({ executableName }) =>
        executableName === "killed"
          ? { exitStatus: { outcome: { case: "signal", value: 9 } }, oomKilled: true }
          : executableName === "unseen"
            ? {}
            : await ending.promise,
      stop: (request) => {
        stopped.push(request);
        ending.resolve(exited(143));
        return {};
      },
      update: ({ cellName, memory }) => ({
        cell: { name: cellName, ...(memory === undefined ? {} : { memory }) },
      }),
      freeze: () => ({}),
      async *events() {
        yield {
          event: {
            sequence: 7n,
            timestampMs: 1_700_000_000_123n,
            cellName: "web",
            executableName: "a",
            kind: 8,
            hostPid: 5,
          },
        };
        yield { event: { sequence: 8n, cellName: "web", kind: 3 } };
      },
    },
    observe: {
      async *getSubProcessStream(request) {
        asked.push(request);
        if (!hasObserve) {
          throw new ConnectError("not here", Code.Unimplemented);
        }
        yield* output;
        if (request.follow === true) {
          await ending.promise;
          // The end of the output is known a while after the end of the executable.
          await Bun.sleep(50);
          yield { data: Buffer.from("bye\n"), channelType: 1 };
        }
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());
beforeEach(() => {
  started = [];
  stopped = [];
  asked = [];
  output = [
    { data: Uint8Array.of(0x61, 0xff, 0x0a), channelType: 1 },
    { data: Buffer.from("oops\n"), channelType: STDERR, missedBytes: 12n },
  ];
  ending = Promise.withResolvers();
  hasObserve = true;
});

const aer = (words: string, options: AerOptions = {}) => fixture.aer(words.split(" "), options);

describe("aer cell logs", () => {
  test("writes each stream to ours as it is, and tells what was missed", async () => {
    expect(await aer("cell logs web server")).toEqual({
      code: 0,
      stdout: "a\xff\n",
      stderr: "aer: cell logs: 12 bytes missed here\noops\n",
    });
    expect(asked[0]).toMatchObject({
      cellName: "web",
      executableName: "server",
      channelType: 0,
      follow: false,
      raw: true,
    });
    expect(asked[0]?.sinceMs).toBeUndefined();
    expect(asked[0]?.tail).toBeUndefined();
  });

  test("asks for some of it only", async () => {
    const before = Date.now();
    await aer("cell logs --since 10m -n 5 --stream stderr --no-cell server");
    expect(asked[0]).toMatchObject({ cellName: "", channelType: STDERR, tail: 5 });
    const since = Number(asked[0]?.sinceMs);
    expect(since).toBeGreaterThanOrEqual(before - 600_000);
    expect(since).toBeLessThanOrEqual(Date.now() - 600_000);
    await aer("cell logs --since 2026-01-31T12:00:00Z web server");
    expect(asked[1]?.sinceMs).toBe(BigInt(Date.UTC(2026, 0, 31, 12)));
  });

  test("goes on with -f until the end", async () => {
    const result = await aer("cell logs -f web server", {
      onStdout: () => ending.resolve(exited(0)),
    });
    expect(result).toMatchObject({ code: 0, stdout: "a\xff\nbye\n" });
    expect(asked[0]?.follow).toBe(true);
  });

  test("puts the time before each line, not before the rest of one", async () => {
    output = [
      { item: { channel: "a::stdout", line: "one ", timestamp: 1_700_000_000n, partial: true } },
      { item: { channel: "a::stderr", line: "err", timestamp: 1_700_000_001n } },
      {
        item: {
          channel: "a::stdout",
          line: "x\ufffd",
          rawLine: Uint8Array.of(0x78, 0xff),
          timestamp: 1_700_000_002n,
        },
      },
    ];
    expect(await aer("cell logs --timestamps web a")).toEqual({
      code: 0,
      stdout: "2023-11-14T22:13:20Z one x\xff\n",
      stderr: "2023-11-14T22:13:21Z err\n",
    });
    expect(asked[0]?.raw).toBe(false);
  });

  test.each([
    ["--since never", "--since: want a time such as 10m or 2026-01-31T12:00:00Z"],
    ["--stream out", "--stream: want one of stdout, stderr, both"],
    ["--tail -1", '--tail: "-1" is out of range'],
  ])("refuses %s", async (flags, message) => {
    const { code, stderr } = await aer(`cell logs ${flags} web server`);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("aer cell start --wait", () => {
  test("writes the output, ends as the executable did, and frees its name", async () => {
    const result = await aer("cell start web job --wait -- job -x", {
      onStdout: () => ending.resolve(exited(3)),
    });
    expect(result).toMatchObject({ code: 3, stdout: "a\xff\nbye\n" });
    expect(result.stderr).toBe("aer: cell start: 12 bytes missed here\noops\n");
    expect(started[0]?.executable?.args).toEqual(["job", "-x"]);
    expect(asked[0]).toMatchObject({ cellName: "web", executableName: "job", follow: true });
    expect(stopped).toMatchObject([{ cellName: "web", executableName: "job" }]);
  });

  test("leaves it with --keep, and takes --no-cell", async () => {
    ending.resolve(exited(0));
    expect(await aer("cell start --no-cell job --wait --keep -c x")).toMatchObject({ code: 0 });
    expect(asked[0]?.cellName).toBe("");
    expect(stopped).toEqual([]);
  });

  test("says that it was killed for want of memory", async () => {
    output = [];
    ending.resolve({});
    const { code, stderr } = await aer("cell start web killed --wait -c x");
    expect(code).toBe(137);
    expect(stderr).toBe("aer: cell start: killed for want of memory\n");
  });

  test("stops it at Ctrl-C", async () => {
    const interrupt = new AbortController();
    const result = await aer("cell start web job --wait -c x", {
      signal: interrupt.signal,
      onStdout: () => interrupt.abort(),
    });
    expect(result).toMatchObject({ code: 130, stdout: "a\xff\nbye\n" });
    expect(stopped).toHaveLength(1);
  });

  test("stops it at SIGTERM", async () => {
    const host = new FakeHost();
    const result = await aer("cell start web job --wait -c x", {
      host,
      onStdout: () => host.signal("SIGTERM"),
    });
    expect(result).toMatchObject({ code: 143, stdout: "a\xff\nbye\n" });
    expect(stopped).toHaveLength(1);
    expect(host.listeners).toBe(0);
  });

  test("stops it when nobody reads its output any more", async () => {
    const result = await aer("cell start web job --wait -c x", {
      onStdout: () => {
        throw Object.assign(new Error("write"), { code: "EPIPE" });
      },
    });
    expect(result).toMatchObject({ code: 141 });
    expect(stopped).toHaveLength(1);
  });

  test("waits all the same where output can't be read", async () => {
    hasObserve = false;
    const result = aer("cell start web job --wait -c x");
    await eventually("the question", () => asked.length > 0);
    ending.resolve(exited(4));
    expect(await result).toEqual({
      code: 4,
      stdout: "",
      stderr: "aer: cell start: its output can't be shown: not here\n",
    });
  });

  test("is what --keep goes with, and has no JSON", async () => {
    const { code, stderr } = await aer("cell start web job --keep -c x");
    expect(code).toBe(2);
    expect(stderr).toContain("--keep goes with --wait only");
    expect((await aer("cell start web job --wait -o json -c x")).code).toBe(2);
    expect(started).toEqual([]);
  });
});

describe("aer cell", () => {
  test("wait ends as the executable did", async () => {
    ending.resolve({
      ...exited(42),
      usage: { cpuUserUsec: 1_500_000n, cpuSystemUsec: 20_000n, maxRssBytes: 3n << 20n },
    });
    expect(await aer("cell wait web job")).toEqual({
      code: 42,
      stdout: "exited 42\nuser 1.50 s, system 20.0 ms, memory at most 3.0M\n",
      stderr: "",
    });
    expect(await aer("cell wait web killed")).toMatchObject({
      code: 137,
      stdout: "killed by SIGKILL, out of memory\n",
    });
    expect(await aer("cell wait --no-cell unseen")).toMatchObject({
      code: 1,
      stdout: "ended, and nobody saw how\n",
    });
    expect((await aer("cell wait web job -o json")).code).toBe(42);
  });

  test("events are a line each", async () => {
    expect((await aer("cell events --after-sequence 6")).stdout).toBe(
      `2023-11-14T22:13:20.123Z  7  web: a  started  pid 5
1970-01-01T00:00:00.000Z  8  web  frozen
`,
    );
  });

  test("update answers with the limits, freeze with nothing", async () => {
    expect((await aer("cell update web --memory-max 64M")).stdout).toBe("web  memory.max=64M\n");
    expect(await aer("cell freeze web")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
