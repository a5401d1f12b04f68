/** Exec and Attach over a real server: gRPC with mTLS, in front of cells in memory. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Channel } from "../../src/base/channel.ts";
import {
  type CellServiceAttachRequestSchema,
  type CellServiceAttachResponse,
  type CellServiceExecRequestSchema,
  type CellServiceExecResponse,
  CellService,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type { FakeProcess } from "../../src/kernel/fake/fake-processes.ts";
import { createCellService } from "../../src/service/cells/handler.ts";
import { exitedWith, killedBy, restart, until, World } from "../harness/cells-world.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

type ExecInput = MessageInitShape<typeof CellServiceExecRequestSchema>;
type AttachInput = MessageInitShape<typeof CellServiceAttachRequestSchema>;
type Answer = CellServiceExecResponse | CellServiceAttachResponse;

let fixture: Fixture;
let client: Client<typeof CellService>;
let world: World;

beforeAll(async () => {
  // Every test has cells of its own behind one server.
  const service = () => createCellService(world.cells, { uid: 0, gid: 0 });
  fixture = await startFixture({
    cells: {
      exec: (requests, context) => service().exec(requests, context),
      attach: (requests, context) => service().attach(requests, context),
    },
  });
  const transport = createGrpcTransport({
    baseUrl: fixture.baseUrl,
    nodeOptions: fixture.clientTls(),
  });
  client = createClient(CellService, transport);
});

afterAll(async () => await fixture[Symbol.asyncDispose]());

beforeEach(() => {
  world = new World();
  world.allocate("a");
});

/** One call: what is sent, and what has come so far, as text. */
class Call<T extends object> {
  readonly input = new Channel<T>(100);
  readonly came: string[] = [];
  readonly #abort = new AbortController();
  readonly ended: Promise<ConnectError | undefined>;

  constructor(
    method: (requests: AsyncIterable<T>, options: { signal: AbortSignal }) => AsyncIterable<Answer>,
    ...first: T[]
  ) {
    for (const message of first) {
      this.input.offer(message);
    }
    this.ended = this.#read(method(this.input, { signal: this.#abort.signal }));
  }

  async #read(answers: AsyncIterable<Answer>): Promise<ConnectError | undefined> {
    try {
      for await (const { message } of answers) {
        this.came.push(printed(message));
      }
      return undefined;
    } catch (error) {
      return ConnectError.from(error);
    }
  }

  send(message: T): void {
    this.input.offer(message);
  }

  /** The caller goes away. */
  leave(): void {
    this.#abort.abort();
  }

  async until(text: string): Promise<void> {
    await until(`'${text}'`, () => this.came.includes(text));
  }
}

function printed(message: Answer["message"]): string {
  switch (message.case) {
    case "started":
    case "attached":
      return message.case;
    case "stdout":
    case "stderr":
      return `${message.case} ${Buffer.from(message.value)}`;
    case "exitStatus": {
      const { outcome } = message.value;
      return `${outcome.case} ${outcome.value}`;
    }
    default:
      return "nothing";
  }
}

const text = (value: string): Uint8Array => Buffer.from(value);
const last = (): FakeProcess => world.kernel.processes.last;
const execGroups = (): string[] =>
  world.kernel.cgroups.paths.filter((path) => path.includes("exec."));

const execStart = (more: object = {}): ExecInput => ({
  message: { case: "start", value: { cellName: "a", args: ["cat"], ...more } },
});
const attachStart = (executableName = "x"): AttachInput => ({
  message: { case: "start", value: { cellName: "a", executableName } },
});

const exec = (...first: ExecInput[]) =>
  new Call<ExecInput>((requests, options) => client.exec(requests, options), ...first);
const attach = (...first: AttachInput[]) =>
  new Call<AttachInput>((requests, options) => client.attach(requests, options), ...first);

/** An exec whose process runs. */
async function runningExec(more: object = {}): Promise<Call<ExecInput>> {
  const call = exec(execStart(more));
  await call.until("started");
  return call;
}

describe("Exec", () => {
  test("carries input and output, and tells the end last", async () => {
    const call = await runningExec();
    const { pid } = last();
    call.send({ message: { case: "stdin", value: text("hello") } });
    await until("the input", () => last().stdin?.text === "hello");
    last().stdout.push("hello");
    await call.until("stdout hello");
    last().stderr.push("oops");
    await call.until("stderr oops");
    call.send({ message: { case: "stdinEnd", value: true } });
    await until("the end of the input", () => last().stdin?.ended === true);
    last().stdout.push("bye");
    last().exit(exitedWith(3));
    expect(await call.ended).toBeUndefined();
    expect(call.came).toEqual([
      "started",
      "stdout hello",
      "stderr oops",
      "stdout bye",
      "exitCode 3",
    ]);
    expect(world.kernel.processes.all.has(pid)).toBe(true);
    await until("the group to be gone", () => execGroups().length === 0);
  });

  test("tells the signal that ended the process", async () => {
    const call = await runningExec();
    call.send({ message: { case: "signal", value: 15 } });
    expect(await call.ended).toBeUndefined();
    expect([last().signals, call.came.at(-1)]).toEqual([[15], "signal 15"]);
  });

  test("makes the terminal as large as the caller's, also later", async () => {
    const call = await runningExec({ terminal: { rows: 24, columns: 80 } });
    call.send({ message: { case: "resize", value: { rows: 50, columns: 132 } } });
    await until("the size", () => last().sizes.length === 2);
    expect(last().sizes).toMatchObject([
      { rows: 24, columns: 80 },
      { rows: 50, columns: 132 },
    ]);
    last().exit(exitedWith(0));
    await call.ended;
  });

  test("ends the input with the caller's half of the stream", async () => {
    const call = await runningExec();
    call.input.close();
    await until("the end of the input", () => last().stdin?.ended === true);
    last().stdout.push("done");
    last().exit(exitedWith(0));
    expect(await call.ended).toBeUndefined();
    expect(call.came).toEqual(["started", "stdout done", "exitCode 0"]);
  });

  test("keeps bytes as they are, also many of them", async () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
    const got: Uint8Array[] = [];
    const input = new Channel<ExecInput>(2);
    input.offer(execStart());
    for await (const { message } of client.exec(input)) {
      if (message.case === "started") {
        for (let i = 0; i < bytes.length; i += 1_000) {
          last().stdout.push(bytes.subarray(i, i + 1_000));
        }
        last().exit(exitedWith(0));
      } else if (message.case === "stdout") {
        got.push(message.value);
      }
    }
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
  });

  test("goes on when the process reads no more", async () => {
    const call = await runningExec();
    last().stdin!.isBroken = true;
    call.send({ message: { case: "stdin", value: text("lost") } });
    call.send({ message: { case: "signal", value: 10 } });
    await until("the signal", () => last().signals.includes(10));
    last().exit(exitedWith(0));
    expect(await call.ended).toBeUndefined();
  });

  test("ends the process with its caller, and removes its group", async () => {
    const call = await runningExec();
    last().fatal.add(1);
    call.leave();
    await until("the end", () => last().ended);
    expect(last().signals).toEqual([1]);
    await until("the group to be gone", () => execGroups().length === 0);
  });

  test("kills a process that does not go with its caller", async () => {
    const call = await runningExec();
    call.leave();
    await until("the end", () => last().ended);
    expect(last().signals).toEqual([1, 9]);
    await until("the group to be gone", () => execGroups().length === 0);
  });

  test("refuses a stream that does not begin with start, or that begins twice", async () => {
    const without = exec({ message: { case: "stdin", value: text("x") } });
    expect((await without.ended)?.rawMessage).toBe(
      "start: has to be the first message of the stream",
    );
    const empty = exec();
    empty.input.close();
    expect((await empty.ended)?.rawMessage).toContain("first message of the stream");
    const twice = await runningExec();
    last().fatal.add(1);
    twice.send(execStart());
    expect((await twice.ended)?.rawMessage).toBe("message: not expected here");
    await until("the group to be gone", () => execGroups().length === 0);
    expect(last().ended).toBe(true);
  });

  test("refuses what can't be run, by the kind of the error, and leaves nothing", async () => {
    const refusals: readonly (readonly [more: object, message: string])[] = [
      [{ cellName: "b" }, "[not_found] cell 'b' not found"],
      [{ args: ["a\0b"] }, "[invalid_argument] start.args: name a program"],
      [{ args: [""] }, "[invalid_argument] start.args: name a program"],
      [{ workingDirectory: "tmp" }, "[invalid_argument] start.working_directory: must be an"],
      [{ env: { "A=B": "1" } }, "[invalid_argument] start.env"],
      [{ user: "toor" }, "[invalid_argument] "],
    ];
    for (const [more, message] of refusals) {
      const error = await exec(execStart(more)).ended;
      expect(error?.message).toStartWith(message);
    }
    world.kernel.processes.failNext = "ENOENT";
    expect((await exec(execStart()).ended)?.message).toContain('exec "/bin/cat": ENOENT');
    expect(world.kernel.processes.all.size).toBe(0);
    expect(execGroups()).toEqual([]);
  });
});

describe("Attach", () => {
  test("carries output from then on and input, and tells the end last", async () => {
    world.start("a:x", { stdin: "pipe" });
    last().stdout.push("before");
    const call = attach(attachStart());
    await call.until("attached");
    last().stdout.push("one");
    await call.until("stdout one");
    last().stderr.push("two");
    await call.until("stderr two");
    call.send({ message: { case: "stdin", value: text("in") } });
    await until("the input", () => last().stdin?.text === "in");
    last().stdout.push("last words");
    last().exit(exitedWith(4));
    expect(await call.ended).toBeUndefined();
    expect(call.came.slice(-4)).toEqual([
      "stdout one",
      "stderr two",
      "stdout last words",
      "exitCode 4",
    ]);
    expect(world.outputs.all.get("a/x")?.texts.stdout).toBe("beforeonelast words");
  });

  test("waits for output that is still in the pipe when the process has ended", async () => {
    const executable = world.start("a:x");
    const { stdout } = last();
    const end = stdout.end.bind(stdout);
    stdout.end = () => undefined;
    const call = attach(attachStart());
    await call.until("attached");
    last().exit(exitedWith(0));
    await executable.wait();
    await Bun.sleep(5);
    stdout.push("late");
    end();
    expect(await call.ended).toBeUndefined();
    expect(call.came).toEqual(["attached", "stdout late", "exitCode 0"]);
  });

  test("of two callers shows both the same", async () => {
    world.start("a:x");
    const calls = [attach(attachStart()), attach(attachStart())];
    await Promise.all(calls.map((call) => call.until("attached")));
    last().stdout.push("both");
    await Promise.all(calls.map((call) => call.until("stdout both")));
    last().exit(killedBy(11));
    await Promise.all(calls.map((call) => call.ended));
    expect(calls.map(({ came }) => came.at(-1))).toEqual(["signal 11", "signal 11"]);
  });

  test("leaves the executable alone when its caller goes, or can send no more", async () => {
    const executable = world.start("a:x", { stdin: "pipe" });
    const gone = attach(attachStart());
    const mute = attach(attachStart());
    await Promise.all([gone.until("attached"), mute.until("attached")]);
    gone.leave();
    mute.input.close();
    await gone.ended;
    last().stdout.push("still here");
    await mute.until("stdout still here");
    expect([executable.state, last().signals, last().stdin?.ended]).toEqual(["running", [], false]);
    last().exit(exitedWith(0));
    await mute.ended;
  });

  test("keeps nothing of callers that have gone", async () => {
    const x = world.start("a:x");
    const calls = Array.from({ length: 3 }, () => attach(attachStart()));
    for (const call of calls) {
      await call.until("attached");
    }
    await until("three who wait", () => x.waiting === 3);
    for (const call of calls) {
      call.leave();
    }
    await until("nobody who waits", () => x.waiting === 0);
  });

  test("refuses input for an executable that has none", async () => {
    world.start("a:x");
    const call = attach(attachStart(), { message: { case: "stdin", value: text("x") } });
    expect((await call.ended)?.message).toBe(
      "[failed_precondition] the executable has no standard input",
    );
    expect(last().ended).toBe(false);
  });

  test("goes on over a restart, with the input of the next life", async () => {
    const executable = world.start("a:x", { stdin: "pipe", restart: restart("always") });
    const call = attach(attachStart());
    await call.until("attached");
    last().exit(exitedWith(1));
    await until("the restart", () => executable.restarts === 1);
    call.send({ message: { case: "stdin", value: text("again") } });
    await until("the input", () => last().stdin?.text === "again");
    last().stdout.push("second");
    await call.until("stdout second");
    await world.stop("a:x");
    expect(await call.ended).toBeUndefined();
    expect(call.came.at(-1)).toBe("signal 15");
  });

  test("refuses an executable that is not there or does not run, and a stream without a start", async () => {
    expect((await attach(attachStart("nobody")).ended)?.message).toBe(
      "[not_found] executable 'nobody' not found",
    );
    world.start("a:x");
    last().exit(exitedWith(0));
    await until("the end", () => world.find("a:x").state === "exited");
    expect((await attach(attachStart()).ended)?.message).toBe(
      "[failed_precondition] executable 'x' does not run",
    );
    const without = attach({ message: { case: "stdinEnd", value: true } });
    expect((await without.ended)?.rawMessage).toContain("has to be the first message");
  });
});
