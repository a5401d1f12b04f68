/** `aer` in a real terminal against the real daemon: what a person would do, from the keys to the shell in the cell. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { SIGHUP } from "../../src/kernel/abi/signal.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { missingForCgroups } from "../harness/host.ts";
import { hasPython, Pty } from "../harness/pty.ts";

const missing = missingForCgroups() ?? (hasPython ? undefined : "needs python3");
const AER = `${import.meta.dir}/../../dist/aer`;

describe.skipIf(missing !== undefined)(`aer and auraed in a terminal ${missing ?? ""}`, () => {
  const cell = `ae-tty-${randomUUID()}`;
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
    expect(await aer("cell", "allocate", cell)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await daemon.stop();
  });

  const argv = (...words: string[]) => [
    AER,
    ...["--ca-crt", daemon.pki("ca.crt")],
    ...["--client-crt", daemon.pki("_signed.client.nova.crt")],
    ...["--client-key", daemon.pki("client.nova.key")],
    ...["--socket", daemon.socket],
    ...words,
  ];

  async function aer(...words: string[]) {
    const child = Bun.spawn(argv(...words), { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  /** A shell that says where a line ends and what it is. */
  const shell = (size: object = {}) =>
    new Pty(argv("cell", "exec", "-it", "-e", "PS1=ready> ", cell, "--", "sh"), size);

  test("exec -it gives a shell that has a terminal of the size of ours", async () => {
    await using pty = shell({ rows: 30, columns: 100 });
    await pty.until("ready> ");
    await pty.type("stty size; tty; echo $((6 * 7))\r");
    await pty.until("30 100\r\n");
    await pty.until("/dev/pts/");
    await pty.until("42\r\n");
    await pty.until("ready> ");
    await pty.resize(41, 132);
    await pty.type("trap 'stty size; echo resized' WINCH; sleep 0.1; stty size\r");
    await pty.until("41 132\r\n");
    await pty.until("ready> ");
    await pty.type("exit 7\r");
    expect(await pty.end()).toBe(7);
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("exec -it sends Ctrl-C to what runs there, and not to aer", async () => {
    await using pty = shell();
    await pty.until("ready> ");
    // What says so is the job of the foreground by then; keys that come earlier are for the shell.
    await pty.type("sh -c 'echo be\"\"gin; exec sleep 1000'\r");
    await pty.until("begin\r\n");
    await pty.type("\x03");
    await pty.until("ready> ");
    await pty.type("echo $?\r");
    await pty.until("130\r\n");
    await pty.type("\x04");
    await pty.end();
    expect((await pty.mode()).isRestored).toBe(true);
  });

  test("exec ends the process when aer is gone", async () => {
    await using pty = shell();
    await pty.until("ready> ");
    await pty.type("echo p''id $$ end\r");
    await pty.until("pid ");
    await pty.until(" end\r\n");
    await pty.signal(SIGHUP);
    expect(await pty.end()).toBe(128 + SIGHUP);
    const { stdout } = await aer("cell", "exec", cell, "--", "sh", "-c", "ls /proc");
    const pid = /\npid (\d+) end/.exec(pty.screen.replaceAll("\r", ""))?.[1];
    expect(pid).toBeDefined();
    expect(stdout.split("\n")).not.toContain(pid);
  });

  test("attach goes into a terminal and out of it, and the executable goes on", async () => {
    const start = ["cell", "start", cell, "chat", "--stdin", "terminal"];
    expect(
      await aer(...start, "--", "sh", "-c", "while read x; do echo got $x; done"),
    ).toMatchObject({ code: 0 });
    for (const round of ["one", "two"]) {
      await using pty = new Pty(argv("cell", "attach", cell, "chat"));
      await pty.type(`${round}\r`);
      await pty.until(`got ${round}\r\n`);
      await pty.type("\x10\x11");
      expect(await pty.end()).toBe(0);
      expect((await pty.mode()).isRestored).toBe(true);
    }
    expect((await aer("cell", "list")).stdout).toMatch(/chat +\d+ +running/);
    const { stdout } = await aer("cell", "logs", cell, "chat");
    expect(stdout).toContain("got one\r\n");
    expect(stdout).toContain("got two\r\n");
    expect(await aer("cell", "stop", cell, "chat")).toMatchObject({ code: 0 });
  });

  test("start --wait, exec and wait end as the process did, each stream to its own", async () => {
    const run = "echo out; echo err >&2; exit 3";
    expect(await aer("cell", "start", cell, "job", "--wait", "-c", run)).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await aer("cell", "exec", cell, "--", "sh", "-c", run)).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    await aer("cell", "start", cell, "job", "-c", "kill -9 $$");
    expect(await aer("cell", "wait", cell, "job")).toMatchObject({ code: 137 });
  });

  test("start --wait is stopped by Ctrl-C", async () => {
    await using pty = new Pty(
      argv("cell", "start", cell, "long", "--wait", "-c", "echo on; sleep 1000"),
    );
    await pty.until("on\r\n");
    await pty.type("\x03");
    expect(await pty.end()).toBe(130);
    expect((await aer("cell", "list")).stdout).not.toContain("long");
  });

  test("exec -i carries megabytes both ways, byte for byte", async () => {
    const sent = crypto.getRandomValues(Buffer.alloc(65_536));
    const all = Buffer.concat(Array.from({ length: 48 }, () => sent));
    const child = Bun.spawn(argv("cell", "exec", "-i", cell, "--", "cat"), {
      stdin: all,
      stdout: "pipe",
      stderr: "inherit",
    });
    const came = Buffer.from(await new Response(child.stdout).arrayBuffer());
    expect(await child.exited).toBe(0);
    expect(came.equals(all)).toBe(true);
  });

  test("exec -it ends with 8 and a terminal as it was when the daemon is killed", async () => {
    await using pty = shell();
    await pty.until("ready> ");
    daemon.signal("SIGKILL");
    expect(await pty.end()).toBe(8);
    expect(pty.screen).toContain("aer: cell exec: unavailable: ");
    expect((await pty.mode()).isRestored).toBe(true);
    await daemon.end("SIGKILL");
    daemon = await daemon.successor();
  });
});
