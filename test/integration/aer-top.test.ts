/** `aer cell top` with a host in place of a terminal, against scripted cells. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CellServiceStatusResponseSchema } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { FakeHost } from "../harness/fake-host.ts";
import { AerFixture, type AerOptions } from "./aer-fixture.ts";

let fixture: AerFixture;
let cpuUsec = 0n;

function statusOf(name: string): MessageInitShape<typeof CellServiceStatusResponseSchema> {
  cpuUsec += 250_000n;
  return {
    cell: { name, memory: { max: 64n << 20n }, pids: { max: 100n } },
    usage: { cpuUsec, memoryBytes: 32n << 20n, processes: name === "web" ? 3n : 1n },
  };
}

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      list: () => ({
        cells: [
          { cell: { name: "web" }, children: [{ cell: { name: "web/db" } }] },
          { cell: { name: "other" } },
        ],
      }),
      status: ({ cellName }) => {
        if (cellName === "none") {
          throw new ConnectError("cell 'none' is not allocated", Code.NotFound);
        }
        return statusOf(cellName);
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());
beforeEach(() => {
  cpuUsec = 0n;
});

const aer = (words: string, options: AerOptions = {}) => fixture.aer(words.split(" "), options);

describe("aer cell top", () => {
  let host = new FakeHost();
  afterEach(() => {
    expect(host.isRaw).toBe(false);
    expect(host.listeners).toBe(0);
    host = new FakeHost();
  });

  test("writes one reading without a terminal", async () => {
    const { code, stdout } = await aer("cell top web");
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("2 cells, by cpu");
    expect(lines[1]).toStartWith("CELL ");
    // Two readings of two cells, 250 ms of time for each: 500 ms a cell in a good second.
    expect(stdout).toMatch(/^web +\d\d\.\d% {2}#+\.+ +32\.0M\/64\.0M {2}#{5}\.{5} +3\/100 /m);
    expect(stdout).toMatch(/^web\/db /m);
    expect(stdout).not.toContain("other");
    expect(stdout).not.toContain("\x1b");
  });

  test("writes JSON", async () => {
    const { stdout } = await aer("cell top -o json");
    const { cells } = JSON.parse(stdout);
    expect(cells.map(({ name }: { name: string }) => name).sort()).toEqual([
      "other",
      "web",
      "web/db",
    ]);
    expect(cells[0]).toMatchObject({ memoryBytes: 32 << 20, processesMax: 100 });
  });

  test("says that there is no such cell, before it changes the screen", async () => {
    host = new FakeHost({ size: { rows: 10, columns: 80 } });
    expect(await aer("cell top none", { host, isTerminal: true })).toEqual({
      code: 3,
      stdout: "",
      stderr: "aer: cell top: not found: cell 'none' is not allocated\n",
    });
  });

  test("takes a screen of its own, obeys keys and sizes, and gives it back", async () => {
    host = new FakeHost({ size: { rows: 10, columns: 80 } });
    let text = "";
    let frames = 0;
    const { code, stderr } = await aer("cell top", {
      host,
      isTerminal: true,
      env: { LANG: "C.UTF-8", TERM: "xterm" },
      onStdout: (piece) => {
        text += piece;
        if (!piece.startsWith("\x1b[H")) {
          return;
        }
        frames += 1;
        expect(host.isRaw).toBe(true);
        if (frames === 1) {
          host.type("n");
        } else if (frames === 2) {
          expect(piece).toContain("by name");
          host.resize({ rows: 3, columns: 40 });
        } else if (frames === 3) {
          expect(piece.split("\r\n")).toHaveLength(3);
          host.type("\x1b[B");
        } else if (frames === 4) {
          expect(piece).toContain("web");
          expect(piece).not.toContain("other");
          host.type("q");
        }
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(text).toStartWith("\x1b[?1049h\x1b[?25l");
    expect(text).toEndWith("\x1b[?25h\x1b[?1049l");
  });

  test("gives the screen back when it is interrupted, and when the daemon goes away", async () => {
    for (const end of ["\x03", "SIGTERM"] as const) {
      host = new FakeHost({ size: { rows: 10, columns: 80 } });
      const { code, stdout } = await aer("cell top", {
        host,
        isTerminal: true,
        onStdout: (piece) => {
          if (piece.startsWith("\x1b[H")) {
            if (end === "SIGTERM") {
              host.signal(end);
            } else {
              host.type(end);
            }
          }
        },
      });
      expect(code).toBe(end === "SIGTERM" ? 143 : 130);
      expect(stdout).toEndWith("\x1b[?25h\x1b[?1049l");
      expect(host.isRaw).toBe(false);
    }
    let calls = 0;
    await using other = await AerFixture.start({
      cells: {
        list: () => ({ cells: [{ cell: { name: "a" } }] }),
        status: () => {
          calls += 1;
          if (calls > 2) {
            throw new ConnectError("gone", Code.Unavailable);
          }
          return statusOf("a");
        },
      },
    });
    host = new FakeHost({ size: { rows: 10, columns: 80 } });
    const result = await other.aer(["cell", "top"], { host, isTerminal: true });
    expect(result).toMatchObject({ code: 8, stderr: "aer: cell top: unavailable: gone\n" });
    expect(result.stdout).toEndWith("\x1b[?25h\x1b[?1049l");
  });
});
