import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { eventually } from "../../../test/harness/eventually.ts";
import { SignalPoll } from "../io/signal-poll.ts";
import { F_DUPFD_CLOEXEC } from "../abi/open.ts";
import { EventFd } from "../sys/event-fd.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";
import { PacketChannel } from "./packet-channel.ts";
import { MAX_PACKET_DESCRIPTORS, packetSocketPair, sendPacket } from "./packet-socket.ts";

const MAX_BYTES = 100;
const poll = new SignalPoll();
afterAll(() => poll[Symbol.dispose]());

interface Heard {
  readonly channel: PacketChannel;
  readonly packets: string[];
  readonly own: FileDescriptor;
  readonly other: FileDescriptor;
  ends: number;
}

/** A channel, and the other end of its socket. */
function listen(): Heard {
  const [own, other] = packetSocketPair();
  const packets: string[] = [];
  const channel = new PacketChannel(own, poll, MAX_BYTES, {
    packet: (bytes, isCut) => packets.push(`${Buffer.from(bytes)}${isCut ? "…" : ""}`),
    end: () => (heard.ends += 1),
  });
  const heard: Heard = { channel, packets, own, other, ends: 0 };
  return heard;
}

function send({ other }: Heard, text: string): void {
  expect(sendPacket(other.number, Buffer.from(text))).toBe(text.length);
}

test("a PacketChannel hears of each packet for itself, and of the end", async () => {
  const heard = listen();
  using _ = heard.channel;
  await Bun.sleep(0);
  send(heard, "one");
  send(heard, "two");
  send(heard, "x".repeat(MAX_BYTES + 1));
  await eventually("three packets", () => heard.packets.length === 3);
  expect(heard.packets).toEqual(["one", "two", `${"x".repeat(MAX_BYTES)}…`]);
  heard.other[Symbol.dispose]();
  await eventually("the end", () => heard.ends === 1);
});

test("a PacketChannel hears what had come before it was there", async () => {
  const [own, other] = packetSocketPair();
  using _other = other;
  sendPacket(other.number, Buffer.from("early"));
  const { promise, resolve } = Promise.withResolvers<string>();
  using _ = new PacketChannel(own, poll, MAX_BYTES, {
    packet: (bytes) => resolve(Buffer.from(bytes).toString()),
    end: () => undefined,
  });
  expect(await promise).toBe("early");
});

test("of many PacketChannels each hears its own, and those that are closed nothing", async () => {
  const all = Array.from({ length: 20 }, listen);
  for (const [i, one] of all.entries()) {
    send(one, `to ${i}`);
  }
  await eventually("all packets", () => all.every(({ packets }) => packets.length === 1));
  expect(all.map(({ packets }) => packets[0])).toEqual(all.map((_, i) => `to ${i}`));
  for (const { channel, other } of all) {
    channel[Symbol.dispose]();
    expect(sendPacket(other.number, Buffer.from("late"))).toBeLessThan(0);
    other[Symbol.dispose]();
  }
  expect(process.listenerCount("SIGIO")).toBe(1);
});

test("a PacketChannel that is closed has nothing told of its socket, which others hold open", async () => {
  const heard = listen();
  const { number } = heard.own;
  using _held = new FileDescriptor(syscall("fcntl", "", number, F_DUPFD_CLOEXEC, 0));
  heard.channel[Symbol.dispose]();
  using next = new EventFd();
  expect(next.descriptor.number).toBe(number);
  let told = 0;
  poll.add(number, () => (told += 1));
  poll.look(); // it can be written to
  told = 0;
  send(heard, "late");
  poll.look();
  await Bun.sleep(0);
  expect(told).toBe(0);
  poll.remove(number);
  heard.other[Symbol.dispose]();
});

test("a PacketChannel keeps no descriptor that comes along", async () => {
  const heard = listen();
  using _ = heard.channel;
  const { number } = heard.other;
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const before = descriptors();
  const many = Array.from({ length: MAX_PACKET_DESCRIPTORS }, () => number);
  for (let i = 0; i < 50; i++) {
    sendPacket(number, Buffer.from(`${i}`), many);
    heard.channel.look();
  }
  expect(heard.packets).toHaveLength(50);
  expect(descriptors()).toBe(before);
  heard.other[Symbol.dispose]();
});
