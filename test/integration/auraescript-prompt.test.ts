/** The prompt of `auraescript` in a real terminal. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TestDaemon } from "../harness/daemon.ts";
import { hasPython, Pty } from "../harness/pty.ts";
import { AURAESCRIPT, Scripts } from "../harness/script.ts";

let daemon: TestDaemon;
let scripts: Scripts;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  scripts = Scripts.against(daemon);
});
afterAll(async () => {
  scripts[Symbol.dispose]();
  await daemon.stop();
});

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const UP = "\x1b[A";

/** A prompt that has come up. */
async function prompt(): Promise<Pty> {
  const flags = ["--config", scripts.path("config")];
  const pty = new Pty([AURAESCRIPT, ...flags], { env: { HOME: scripts.folder }, columns: 200 });
  await pty.until("> ");
  return pty;
}

async function answer(pty: Pty, line: string, expected: string): Promise<void> {
  await pty.type(`${line}\r`);
  await pty.until(expected);
  await pty.until("> ");
}

describe.skipIf(!hasPython)("the prompt", () => {
  test("says what is there, and ends with Ctrl-D", async () => {
    await using pty = new Pty([AURAESCRIPT], { columns: 200 });
    await pty.until("createClient() and cells, discovery, health,");
    await pty.until("> ");
    await pty.type(CTRL_D);
    expect(await pty.end()).toBe(0);
  });

  test("runs TypeScript, keeps what is declared, and waits for promises", async () => {
    await using pty = await prompt();
    await answer(pty, "const x: number = 41", "41");
    await answer(pty, "x + 1", "42");
    await answer(pty, "await Promise.resolve(x * 2)", "82");
    await answer(pty, "(<number>x) * 3", "123");
    await answer(pty, "(await new discovery.DiscoveryServiceClient().discover()).healthy", "true");
  });

  test("imports modules, the library and files of the working directory", async () => {
    await using pty = await prompt();
    await answer(pty, "import { basename } from 'node:path'", "");
    await answer(pty, "basename('/a/bcd')", "'bcd'");
    await answer(pty, "import { cells as again } from 'aurae'", "");
    await answer(pty, "again === cells", "true");
    await answer(pty, "import './nowhere.ts'", "cannot find module './nowhere.ts'");
  });

  test("takes more lines for what is not finished", async () => {
    await using pty = await prompt();
    await pty.type("function twice(n: number) {\r");
    await pty.until("| ");
    await answer(pty, "return n * 2 }", "");
    await answer(pty, "twice(21)", "42");
  });

  test("tells errors by their message, and goes on", async () => {
    await using pty = await prompt();
    await answer(pty, "x ++ ;;)", "Uncaught SyntaxError: Unexpected )");
    await answer(pty, "throw new Error('no' + 'pe')", "Uncaught Error: nope");
    await answer(
      pty,
      "await new cells.CellServiceClient().free({ cellNam: 'a' })",
      'CellService.free: cellNam: aurae.cells.v0.CellServiceFreeRequest has no such field; did you mean "cellName"?',
    );
    await answer(pty, "1 + 1", "2");
  });

  test("completes names, and forgets a line at Ctrl-C", async () => {
    await using pty = await prompt();
    await pty.type("observe.ObserveServiceC\t");
    await pty.until("observe.ObserveServiceClient");
    await pty.type(CTRL_C);
    await pty.until("> ");
    await answer(pty, "20 + 2", "22");
  });

  test("keeps its history, of lines that failed, too, for its user alone", async () => {
    {
      await using pty = await prompt();
      await answer(pty, "throw 'remembered'", "remembered");
      await pty.type(CTRL_D);
      expect(await pty.end()).toBe(0);
    }
    expect(readFileSync(scripts.path(".aurae/auraescript_history"), "utf8")).toContain(
      "throw 'remembered'",
    );
    await using pty = await prompt();
    await pty.type(UP);
    await pty.until("throw 'remembered'");
    await pty.type(CTRL_C);
  });

  test("has no history where it can't be written, and says so", async () => {
    await using pty = new Pty([AURAESCRIPT], { env: { HOME: "/proc" } });
    await pty.until("auraescript: no history: ");
    await pty.until("> ");
    await answer(pty, "1 + 2", "3");
  });
});
