/** `aer cell exec` and `aer cell attach` with a host in place of a terminal, against a server with scripted processes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { Code, ConnectError } from "@connectrpc/connect";
import type {
  AttachStart,
  CellServiceAttachRequest,
  CellServiceExecRequest,
  ExecStart,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { eventually } from "../harness/eventually.ts";
import { FakeHost } from "../harness/fake-host.ts";
import { AerFixture } from "./aer-fixture.ts";

const exited = (value: number) =>
  ({ message: { case: "exitStatus", value: { outcome: { case: "exitCode", value } } } }) as const;
const killed = (value: number) =>
  ({ message: { case: "exitStatus", value: { outcome: { case: "signal", value } } } }) as const;
const out = (value: Uint8Array | string) =>
  ({ message: { case: "stdout", value: Buffer.from(value) } }) as const;

let fixture: AerFixture;
let starts: ExecStart[] = [];
let attaches: AttachStart[] = [];
/** What came after the start, as words. */
let heard: string[] = [];
let wasAborted = false;

function wordOf({ message }: CellServiceExecRequest | CellServiceAttachRequest): string {
  switch (message.case) {
    case "stdin":
      return `stdin ${Buffer.from(message.value).toString("latin1")}`;
    case "resize":
      return `resize ${message.value.rows}x${message.value.columns}`;
    case "signal":
      return `signal ${message.value}`;
    default:
      return String(message.case);
  }
}

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      async *exec(requests, { signal }) {
        signal.addEventListener("abort", () => {
          wasAborted = true;
        });
        const incoming = requests[Symbol.asyncIterator]();
        const first = await incoming.next();
        const start = first.value?.message.value as ExecStart;
        starts.push(start);
        const [program, ...args] = start.args;
        if (program === "missing") {
          throw new ConnectError('exec "missing": ENOENT', Code.NotFound);
        }
        yield { message: { case: "started", value: { pid: 2, hostPid: 77 } } };
        if (program === "exit") {
          yield exited(Number(args[0]));
          return;
        }
        if (program === "both") {
          yield out(Uint8Array.of(0, 255, 10));
          yield { message: { case: "stderr", value: Buffer.from("oops\n") } };
          yield killed(9);
          return;
        }
        if (program === "vanish") {
          return;
        }
        for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
          const { message } = next.value;
          heard.push(wordOf(next.value));
          if (message.case === "stdin") {
            yield out(message.value);
            if (message.value.includes(4)) {
              yield exited(0);
              return;
            }
          } else if (message.case === "stdinEnd" && program !== "sleep") {
            yield exited(0);
            return;
          } else if (message.case === "signal") {
            yield killed(message.value);
            return;
          }
        }
      },
      async *attach(requests, { signal }) {
        signal.addEventListener("abort", () => {
          wasAborted = true;
        });
        const incoming = requests[Symbol.asyncIterator]();
        const first = await incoming.next();
        const start = first.value?.message.value as AttachStart;
        attaches.push(start);
        yield {
          message: { case: "attached", value: { terminal: start.executableName === "shell" } },
        };
        yield out("here\n");
        for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
          heard.push(wordOf(next.value));
          if (next.value.message.case === "stdinEnd") {
            yield exited(5);
            return;
          }
        }
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());
beforeEach(() => {
  starts = [];
  attaches = [];
  heard = [];
  wasAborted = false;
});

let host = new FakeHost();
afterEach(() => {
  expect(host.isRaw).toBe(false);
  expect(host.listeners).toBe(0);
  host = new FakeHost();
});

const exec = (words: string, options: object = {}) =>
  fixture.aer(["cell", "exec", ...words.split(" ")], { host, ...options });

describe("aer cell exec", () => {
  test("says what to run, as whom and where", async () => {
    const words =
      "-e A=1 --env B=x=y -w /srv --user nobody --group 7 web/db -- exit 0 --env -- -it";
    expect(await exec(words)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatchObject({
      cellName: "web/db",
      args: ["exit", "0", "--env", "--", "-it"],
      env: { A: "1", B: "x=y" },
      workingDirectory: "/srv",
      user: "nobody",
      group: "7",
    });
    expect(starts[0]?.terminal).toBeUndefined();
  });

  test("ends as the process did, and keeps its bytes and its streams apart", async () => {
    expect(await exec("a -- exit 42")).toMatchObject({ code: 42 });
    expect(await exec("a -- both")).toEqual({
      code: 137,
      stdout: "\0\xff\n",
      stderr: "oops\n",
    });
  });

  test("says when nobody saw how the process ended", async () => {
    expect(await exec("a -- vanish")).toEqual({
      code: 1,
      stdout: "",
      stderr: "aer: cell exec: the process has ended, and nobody saw how\n",
    });
  });

  test("tells an error of the daemon as any other call does", async () => {
    expect(await exec("a -- missing")).toEqual({
      code: 3,
      stdout: "",
      stderr: 'aer: cell exec: not found: exec "missing": ENOENT\n',
    });
  });

  test("reads no input without -i", async () => {
    host = FakeHost.withInput(Buffer.from("x"));
    expect(await exec("a -- exit 0")).toMatchObject({ code: 0 });
    expect(host.wasRead).toBe(false);
  });

  test("sends input with -i, byte for byte, and its end", async () => {
    const all = Uint8Array.from({ length: 256 }, (_, at) => at).filter((byte) => byte !== 4);
    const pieces = Array.from({ length: 300 }, () => all);
    host = FakeHost.withInput(...pieces);
    const { code, stdout } = await exec("-i a -- cat");
    expect(code).toBe(0);
    expect(stdout).toBe(Buffer.concat(pieces).toString("latin1"));
    expect(heard.at(-1)).toBe("stdinEnd");
  });

  test("gives a terminal with -t: raw mode, its size, and each new one", async () => {
    host = new FakeHost({ size: { rows: 30, columns: 100 } });
    const result = exec("-it a -- sh", {
      onStdout: (text: string) => {
        if (text === "a") {
          expect(host.isRaw).toBe(true);
          host.resize({ rows: 31, columns: 90 });
          host.type("\x03\x04");
        }
      },
    });
    host.type("a");
    expect(await result).toEqual({ code: 0, stdout: "a\x03\x04", stderr: "" });
    expect(starts[0]?.terminal).toMatchObject({ rows: 30, columns: 100 });
    expect([...heard].sort()).toEqual(["resize 31x90", "stdin \x03\x04", "stdin a"]);
    expect(host.rawCount).toBe(1);
  });

  test("refuses -t where standard input is no terminal", async () => {
    const { code, stderr } = await exec("-t a -- sh");
    expect(code).toBe(2);
    expect(stderr).toContain("standard input is no terminal; leave -t out");
    expect(starts).toEqual([]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("hands %s on without a terminal", async (name) => {
    const result = exec("a -- sleep");
    await eventually("taken over", () => host.signal(name));
    expect(await result).toMatchObject({ code: 128 + constants.signals[name], stderr: "" });
    expect(heard).toEqual(["stdinEnd", `signal ${constants.signals[name]}`]);
  });

  test("with -t alone leaves the keys to us, and hands Ctrl-C on", async () => {
    host = new FakeHost({ size: { rows: 30, columns: 100 } });
    const result = exec("-t a -- sleep");
    await eventually("taken over", () => host.signal("SIGINT"));
    expect(await result).toMatchObject({ code: 130, stderr: "" });
    expect(host.rawCount).toBe(0);
    expect(host.wasRead).toBe(false);
    expect(heard).toEqual(["signal 2"]);
    expect(starts[0]?.terminal).toMatchObject({ rows: 30, columns: 100 });
  });

  test("with a terminal ends at SIGTERM and SIGHUP, and the terminal is as it was", async () => {
    for (const name of ["SIGTERM", "SIGHUP"] as const) {
      host = new FakeHost({ size: { rows: 30, columns: 100 } });
      const result = exec("-it a -- sh");
      await eventually("raw mode", () => host.isRaw);
      host.signal(name);
      expect(await result).toMatchObject({ code: 128 + constants.signals[name], stderr: "" });
      expect(host.isRaw).toBe(false);
      await eventually("the end of the call", () => wasAborted);
    }
  });

  test("puts the terminal back and ends with 8 when the connection breaks", async () => {
    await using other = await AerFixture.start({
      cells: {
        async *exec() {
          yield { message: { case: "started", value: { pid: 2, hostPid: 77 } } };
          await other.server.server.close(0);
          yield out("not any more");
        },
      },
    });
    host = new FakeHost({ size: { rows: 30, columns: 100 } });
    const { code, stderr } = await other.aer(["cell", "exec", "-it", "a", "--", "sh"], { host });
    expect(code).toBe(8);
    expect(stderr).toMatch(/^aer: cell exec: unavailable: [^\n]+\n$/);
    expect(host.rawCount).toBe(1);
    expect(host.isRaw).toBe(false);
  });

  test.each([
    ["a", "say what to run: a program and its arguments after --"],
    ["a --", "say what to run: a program and its arguments after --"],
    ["a sh", '"sh" is one word too many; the program to run comes after --'],
    ["-e A a -- sh", 'want NAME=VALUE, not "A"'],
    ["-ix a -- sh", 'no flag "-x"'],
    ["-it", "CELL_NAME is missing"],
  ])("refuses %j", async (words, message) => {
    const { code, stderr } = await exec(words);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("aer cell attach", () => {
  const attach = (words: string, options: object = {}) =>
    fixture.aer(["cell", "attach", ...words.split(" ")], { host, ...options });

  test("sends standard input and its end, and ends as the executable does", async () => {
    host = FakeHost.withInput(Buffer.from("in\x10\x11put"));
    expect(await attach("web server")).toEqual({ code: 5, stdout: "here\n", stderr: "" });
    expect(attaches[0]).toMatchObject({ cellName: "web", executableName: "server" });
    // Without a terminal these are bytes like any other.
    expect(heard).toEqual(["stdin in\x10\x11put", "stdinEnd"]);
  });

  test("takes --no-cell", async () => {
    await attach("--no-cell server");
    expect(attaches[0]?.cellName).toBeUndefined();
  });

  test("leaves by ctrl-p ctrl-q from a terminal, and the executable goes on", async () => {
    host = new FakeHost({ size: { rows: 30, columns: 100 } });
    const result = attach("web shell");
    await eventually("raw mode", () => host.isRaw);
    host.type("a\x10");
    host.type("b");
    await eventually("it to be heard", () => heard.includes("stdin \x10b"));
    host.resize({ rows: 10, columns: 20 });
    await eventually("it to be heard", () => heard.includes("resize 10x20"));
    host.type("c\x10");
    await eventually("it to be heard", () => heard.includes("stdin c"));
    host.type("\x11d");
    expect(await result).toEqual({
      code: 0,
      stdout: "here\n",
      stderr: "aer: cell attach: detached; the executable goes on\n",
    });
    expect(heard).toEqual(["resize 30x100", "stdin a", "stdin \x10b", "resize 10x20", "stdin c"]);
  });

  test("sends nothing with --no-stdin, and leaves at Ctrl-C", async () => {
    const result = attach("--no-stdin web server", {
      onStdout: () => host.signal("SIGINT"),
    });
    expect(await result).toEqual({
      code: 130,
      stdout: "here\n",
      stderr: "aer: cell attach: detached; the executable goes on\n",
    });
    expect(host.wasRead).toBe(false);
    expect(heard).toEqual([]);
  });
});
