/**
 * `aer` in a real terminal: a pseudo terminal of python3's, with a shell on the other side of the daemon that is scripted
 * and that names what it hears.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SIGHUP, SIGTERM } from "../../src/kernel/abi/signal.ts";
import { AerFixture } from "./aer-fixture.ts";
import { hasPython, Pty } from "../harness/pty.ts";

const MAIN = `${import.meta.dir}/../../src/main/main.ts`;
/** An end that no signal has. */
const CTRL_D = "\x04";

const out = (value: string) =>
  ({ message: { case: "stdout", value: Buffer.from(value, "latin1") } }) as const;
const exited = (value: number) =>
  ({ message: { case: "exitStatus", value: { outcome: { case: "exitCode", value } } } }) as const;

let fixture: AerFixture;

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      async *exec(requests) {
        for await (const { message } of requests) {
          if (message.case === "start") {
            const { terminal, args } = message.value;
            yield { message: { case: "started", value: { pid: 2, hostPid: 2 } } };
            yield out(`$ ${args.join(" ")} ${terminal?.rows}x${terminal?.columns}\n`);
          } else if (message.case === "resize") {
            yield out(`size ${message.value.rows}x${message.value.columns}\n`);
          } else if (message.case === "stdin") {
            const text = Buffer.from(message.value).toString("latin1");
            yield out(`<${text.replace("\x03", "^C")}>\n`);
            if (text.includes(CTRL_D)) {
              yield exited(7);
              return;
            }
            if (text.includes("!")) {
              await fixture.server.server.close(0);
            }
          }
        }
      },
      async *attach(requests) {
        yield { message: { case: "attached", value: { terminal: true } } };
        for await (const { message } of requests) {
          if (message.case === "stdin") {
            yield out(`<${Buffer.from(message.value).toString("latin1")}>\n`);
          }
        }
      },
      list: () => ({ cells: [{ cell: { name: "web" } }] }),
      status: () => ({ cell: { name: "web" }, usage: { memoryBytes: 5n << 20n } }),
    },
    vms: {
      async *attach(requests) {
        yield { message: { case: "attached", value: {} } };
        for await (const { message } of requests) {
          const text =
            message.case === "resize"
              ? `size ${message.value.rows}x${message.value.columns}\n`
              : `<${Buffer.from(message.case === "input" ? message.value : "").toString("latin1")}>\n`;
          yield { message: { case: "output", value: Buffer.from(text, "latin1") } };
        }
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

function aer(words: string, size: { rows?: number; columns?: number } = {}): Pty {
  const argv = [process.execPath, MAIN, "aer", "--config", fixture.config, ...words.split(" ")];
  return new Pty(argv, size);
}

describe.skipIf(!hasPython)("in a terminal (needs python3)", () => {
  test("aer cell exec -it hands keys and bytes on as they are, and puts the terminal back", async () => {
    await using pty = aer("cell exec -it web -- sh", { rows: 30, columns: 100 });
    await pty.until("$ sh 30x100\n");
    await pty.type("a");
    await pty.until("<a>\n");
    expect(await pty.mode()).toMatchObject({ echo: false, canonical: false, signals: false });
    await pty.type("\x03");
    await pty.until("<^C>\n");
    await pty.type("\xff\x00");
    await pty.until("<\xff\x00>\n");
    await pty.resize(40, 132);
    await pty.until("size 40x132\n");
    await pty.type(CTRL_D);
    expect(await pty.end()).toBe(7);
    expect(await pty.mode()).toMatchObject({ isRestored: true, echo: true });
  });

  test("aer vm console -it tells each size of the window, hands keys on, and leaves by ctrl-p ctrl-q", async () => {
    await using pty = aer("vm console -it one", { rows: 30, columns: 100 });
    await pty.until("size 30x100\n");
    await pty.resize(40, 132);
    await pty.until("size 40x132\n");
    await pty.type("\x03");
    await pty.until("<\x03>\n");
    await pty.type("\x10\x11");
    expect(await pty.end()).toBe(0);
    expect(await pty.mode()).toMatchObject({ isRestored: true, echo: true });
  });

  test.skipIf(Bun.which("stty") === null)(
    "aer cell exec -it leaves a line feed alone (needs stty)",
    async () => {
      await using pty = aer("cell exec -it web -- sh");
      await pty.until("$ sh 24x80\n");
      await pty.type("a");
      await pty.until("<a>\n");
      expect((await pty.mode()).post).toBe(false);
      expect(pty.screen).not.toContain("\r");
      await pty.type(CTRL_D);
      await pty.end();
      expect((await pty.mode()).isRestored).toBe(true);
    },
  );

  test.each([
    ["SIGTERM", SIGTERM],
    ["SIGHUP", SIGHUP],
  ])("aer cell exec -it puts the terminal back at %s", async (_, number) => {
    await using pty = aer("cell exec -it web -- sh");
    await pty.until("$ sh");
    await pty.type("a");
    await pty.until("<a>\n");
    await pty.signal(number);
    expect(await pty.end()).toBe(128 + number);
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("aer cell exec with no command there says so, in a terminal as it was", async () => {
    await using pty = aer("cell exec -it web sh");
    expect(await pty.end()).toBe(2);
    expect(pty.screen).toContain("the program to run comes after --\r\n");
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("aer cell attach leaves by ctrl-p ctrl-q", async () => {
    await using pty = aer("cell attach web shell");
    // There is no prompt: it is attached when it answers. Until then the terminal echoes.
    await pty.type("x");
    await pty.until("<x>\n");
    await pty.type("\x10\x11");
    expect(await pty.end()).toBe(0);
    expect(pty.screen).toEndWith("aer: cell attach: detached; the executable goes on\r\n");
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("aer cell top has a screen of its own, and leaves at q", async () => {
    await using pty = aer("cell top", { rows: 10, columns: 60 });
    await pty.until("5.0M");
    expect((await pty.mode()).canonical).toBe(false);
    await pty.type("q");
    expect(await pty.end()).toBe(0);
    expect(pty.screen).toContain("\x1b[?1049h");
    expect(pty.screen).toEndWith("\x1b[?25h\x1b[?1049l");
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("aer cell exec -it ends with 8 and one line when the daemon goes away", async () => {
    await using pty = aer("cell exec -it web -- sh");
    await pty.until("$ sh");
    await pty.type("!");
    expect(await pty.end()).toBe(8);
    expect(pty.screen.split("\r\n").filter((line) => line.includes("aer:"))).toHaveLength(1);
    expect((await pty.mode()).isRestored).toBe(true);
  });
});
