/**
 * What a guest and its host say to each other, both sides of it, over the Unix socket that stands behind vsock: a guest
 * that goes on as another one's copy learns of that, and is given what is its own.
 */
import { afterAll, afterEach, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Greeting, GuestFile } from "../../src/base/host-channel.ts";
import { HOST_CHANNEL_PORT } from "../../src/base/host-channel.ts";
import { VsockDoors } from "../../src/guest/vsock-doors.ts";
import { HostChannel } from "../../src/init/host-channel.ts";
import { SignalPoll } from "../../src/kernel/io/signal-poll.ts";
import { reseedKernel, reseedLibrary } from "../../src/kernel/io/reseed.ts";
import { connectUnix } from "../../src/kernel/net/unix-stream.ts";
import { eventually } from "../harness/eventually.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-host-channel-"));
const poll = new SignalPoll();
const ended = new DisposableStack();
afterEach(() => {
  open.dispose();
  open = new DisposableStack();
});
afterAll(() => {
  ended.dispose();
  poll[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
let open = new DisposableStack();

const [A, B] = ["a".repeat(32), "b".repeat(32)];
const FILES: readonly GuestFile[] = [{ path: "/etc/aurae/hostname", text: "copy\n" }];
const vsockPath = (id: string) => join(folder, id, "vsock.sock");
const doorPath = (id: string) => `${vsockPath(id)}_${HOST_CHANNEL_PORT}`;
const self = { uid: process.getuid?.() ?? 0 };

function openDoor(id: string, life: string, files = FILES, onAsk: () => void = () => undefined) {
  mkdirSync(join(folder, id), { recursive: true });
  const filesFor = async () => {
    onAsk();
    return files;
  };
  return open.use(new VsockDoors({ vsockPath, filesFor }).open(id, self, needs(life)));
}

const needs = (life: string) => ({ life, mounts: [], nics: [] });

function guestOf(id: () => string, life: string | undefined) {
  const greetings: Greeting[] = [];
  const taken: (readonly GuestFile[])[] = [];
  open.use(
    new HostChannel({
      ...{ poll, life },
      connect: () => connectUnix(doorPath(id())),
      onOtherLife: (greeting) => greetings.push(greeting),
      onFiles: (files) => taken.push(files),
    }),
  );
  return { greetings, taken };
}

test("a guest that knows of its life asks for nothing, and one of another is given its files", async () => {
  let asks = 0;
  openDoor("one", A, FILES, () => (asks += 1));
  const original = guestOf(() => "one", A);
  const unaware = guestOf(() => "one", undefined);
  const copy = guestOf(() => "one", B);
  await eventually("the files", () => copy.taken.length > 0);
  expect(copy.taken).toEqual([FILES]);
  expect(copy.greetings.map(({ life, seed }) => [life, seed.length])).toEqual([[A, 64]]);
  expect([...original.greetings, ...unaware.greetings]).toEqual([]);
  expect(asks).toBe(1);
});

test("a guest whose connection ends asks again, and each answer has another seed", async () => {
  const first = openDoor("first", A);
  let id = "first";
  const guest = guestOf(() => id, A);
  await Bun.sleep(100);
  // As a restore does: what was connected is gone, and somebody else answers.
  openDoor("second", B);
  id = "second";
  first[Symbol.dispose]();
  await eventually("the files", () => guest.taken.length === 1);
  const third = openDoor("third", A);
  openDoor("fourth", B);
  const others = ["third", "third", "fourth"].map((at) => guestOf(() => at, "c".repeat(32)));
  await eventually("all seeds", () => others.every(({ greetings }) => greetings.length > 0));
  const seeds = others.map(({ greetings }) => Buffer.from(greetings[0]!.seed).toString("hex"));
  expect(new Set(seeds).size).toBe(3);
  third[Symbol.dispose]();
});

test("a guest waits for a host that is not there yet", async () => {
  const guest = guestOf(() => "late", B);
  await Bun.sleep(300);
  openDoor("late", A);
  await eventually("the files", () => guest.taken.length > 0);
});

test("a host that says what it should not is left", async () => {
  mkdirSync(join(folder, "bad"));
  const said = ["HTTP/1.1 400\n", "x".repeat(10_000), "\n"];
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(said[count % said.length] ?? "");
    count += 1;
  });
  server.listen(doorPath("bad"));
  const guest = guestOf(() => "bad", B);
  await eventually("several tries", () => count >= 3);
  expect([guest.greetings, guest.taken]).toEqual([[], []]);
  server.close();
});

async function dial(
  id: string,
): Promise<{ readonly socket: Socket; readonly isOver: () => boolean }> {
  const socket = connectSocket({ path: doorPath(id) });
  let isOver = false;
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isOver = true;
  });
  socket.resume();
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, isOver: () => isOver };
}

test("a guest that says what it should not, or asks without end, is left", async () => {
  let asks = 0;
  openDoor("greedy", A, FILES, () => (asks += 1));
  await eventually("the door", () => lstatSync(doorPath("greedy"), { throwIfNoEntry: false }));
  for (const word of ["GET / HTTP/1.1\n", "filesfiles\n", "x".repeat(100_000)]) {
    const { socket, isOver } = await dial("greedy");
    socket.write(word);
    await eventually(`the end after ${word.slice(0, 9)}`, isOver);
  }
  const { socket, isOver } = await dial("greedy");
  for (let i = 0; i < 20 && !isOver(); i++) {
    socket.write("files\n");
    await Bun.sleep(5);
  }
  await eventually("the end", isOver);
  expect(asks).toBe(10);
});

test("of a machine's connections the newest stay", async () => {
  openDoor("many", A);
  await eventually("the door", () => lstatSync(doorPath("many"), { throwIfNoEntry: false }));
  const all: Awaited<ReturnType<typeof dial>>[] = [];
  for (let i = 0; i < 5; i++) {
    all.push(await dial("many"));
  }
  await eventually("the end of the old", () => all.slice(0, 3).every((it) => it.isOver()));
  expect(all.slice(3).map((it) => it.isOver())).toEqual([false, false]);
  for (const { socket } of all) {
    socket.destroy();
  }
});

test("what lies where the door is to be is replaced, and a link is not followed", async () => {
  mkdirSync(join(folder, "link"), { recursive: true });
  const victim = join(folder, "victim");
  writeFileSync(victim, "");
  symlinkSync(victim, doorPath("link"));
  openDoor("link", A);
  await eventually("a socket", () =>
    lstatSync(doorPath("link"), { throwIfNoEntry: false })?.isSocket(),
  );
  expect(lstatSync(victim).isFile()).toBe(true);
});

test("the kernel and the library take a seed", () => {
  reseedKernel(crypto.getRandomValues(new Uint8Array(64)));
  reseedLibrary();
});
