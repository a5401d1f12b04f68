/** Notification sockets of the real kernel: who writes is told by the kernel, and nobody else is heard. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignalPoll } from "../../src/kernel/io/signal-poll.ts";
import type { Notification } from "../../src/kernel/process/notifications.ts";
import { NotifySockets } from "../../src/kernel/process/notify-sockets.ts";
import { eventually } from "../harness/eventually.ts";

const MODULE = join(import.meta.dir, "../../src/kernel/sys/syscall.ts");
const root = mkdtempSync(join(tmpdir(), "aurae-notify-"));
let poll: SignalPoll;
let sockets: NotifySockets;
let heard: Notification[];

beforeEach(() => {
  heard = [];
  poll = new SignalPoll();
  sockets = new NotifySockets(join(root, "notify"), poll);
});

afterEach(() => {
  sockets[Symbol.dispose]();
  poll[Symbol.dispose]();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Sends datagrams from a process of its own, which Bun has no function for. */
async function sendTo(path: string, messages: readonly string[]): Promise<number> {
  const program = `
    import { syscall } from ${JSON.stringify(MODULE)};
    const fd = syscall("socket", "x", 1, 2, 0);
    const name = Buffer.from("\\x01\\0" + ${JSON.stringify(path)} + "\\0", "latin1");
    for (const text of ${JSON.stringify(messages)}) {
      const bytes = Buffer.from(text);
      syscall("sendto", "x", fd, bytes, bytes.length, 0, name, name.length);
    }`;
  const child = Bun.spawn([process.execPath, "-e", program], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await child.exited).toBe(0);
  return child.pid;
}

describe("NotifySockets", () => {
  test("tell each message and the process that sent it", async () => {
    using socket = sockets.socket((notification) => heard.push(notification));
    const pid = await sendTo(socket.path, ["STATUS=warming up", "READY=1\nMAINPID=7"]);
    await eventually("both", () => heard.length === 2);
    expect(heard).toEqual([
      { text: "STATUS=warming up", pid },
      { text: "READY=1\nMAINPID=7", pid },
    ]);
  });

  test("keep those of two executables apart, under names that nobody can guess or list", async () => {
    const others: Notification[] = [];
    using first = sockets.socket((notification) => heard.push(notification));
    using second = sockets.socket((notification) => others.push(notification));
    await sendTo(second.path, ["READY=1"]);
    await eventually("it", () => others.length === 1);
    expect(heard).toEqual([]);
    expect(first.path).toMatch(/\/[0-9a-f]{24}\.sock$/);
    expect(statSync(join(root, "notify")).mode & 0o777).toBe(0o711);
  });

  test("hear many at once, and leave out what is too long to be one", async () => {
    using socket = sockets.socket((notification) => heard.push(notification));
    const many = Array.from({ length: 10 }, (_, at) => `STATUS=${at}`);
    await sendTo(socket.path, [...many, "x".repeat(5_000), "READY=1"]);
    await eventually("the last", () => heard.at(-1)?.text === "READY=1");
    expect(heard.map(({ text }) => text)).toEqual([...many, "READY=1"]);
  });

  test("are there again under the path that an earlier daemon had, which did not end in order", async () => {
    const { path } = new NotifySockets(join(root, "notify"), poll).socket(() => undefined);
    using socket = sockets.socket((notification) => heard.push(notification), path);
    expect(socket.path).toBe(path);
    const pid = await sendTo(path, ["READY=1"]);
    await eventually("it", () => heard.length === 1);
    expect(heard).toEqual([{ text: "READY=1", pid }]);
  });

  test("remove those of an earlier daemon that are not asked for again, and no others", () => {
    const earlier = new NotifySockets(join(root, "notify"), poll);
    const { path } = earlier.socket(() => undefined);
    const stale = earlier.socket(() => undefined);
    using again = sockets.socket(() => undefined, path);
    using fresh = sockets.socket(() => undefined);
    sockets.removeStale();
    expect([again, fresh, stale].map((it) => existsSync(it.path))).toEqual([true, true, false]);
  });

  test("have none of another folder or name, and none twice", () => {
    using socket = sockets.socket(() => undefined);
    const name = `${"0".repeat(24)}.sock`;
    for (const path of [join(root, name), join(root, "notify/x"), `${root}/notify/../${name}`]) {
      expect(() => sockets.socket(() => undefined, path)).toThrow("EINVAL");
    }
    expect(() => sockets.socket(() => undefined, socket.path)).toThrow("EADDRINUSE");
  });

  test("leave no socket behind", () => {
    const socket = sockets.socket(() => undefined);
    expect(existsSync(socket.path)).toBe(true);
    socket[Symbol.dispose]();
    expect(readdirSync(join(root, "notify"))).toEqual([]);
  });
});
