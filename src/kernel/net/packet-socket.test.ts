import { expect, test } from "bun:test";
import { fstatSync } from "node:fs";
import { pipePair } from "../../../test/harness/socket-pair.ts";
import { ERRNO } from "../abi/errno.ts";
import {
  isPacketSocket,
  MAX_PACKET_DESCRIPTORS,
  type Packet,
  packetSocketPair,
  receivePacket,
  sendPacket,
} from "./packet-socket.ts";

const buffer = new Uint8Array(4096);
const received = (socket: number): Packet => receivePacket(socket, buffer) as Packet;

test("packets keep their bounds, and say when there is none", () => {
  const [a, b] = packetSocketPair();
  using _a = a;
  using _b = b;
  expect(receivePacket(b.number, buffer)).toBe(-ERRNO.EAGAIN);
  expect(sendPacket(a.number, Buffer.from("one"))).toBe(3);
  expect(sendPacket(a.number, Buffer.from("three"))).toBe(5);
  expect(Buffer.from(received(b.number).bytes).toString()).toBe("one");
  const second = received(b.number);
  expect([Buffer.from(second.bytes).toString(), second.isCut]).toEqual(["three", false]);
});

test("descriptors come along as new ones of the same file", () => {
  const [a, b] = packetSocketPair();
  using _a = a;
  using _b = b;
  const ends = pipePair();
  expect(
    sendPacket(
      a.number,
      Buffer.from("x"),
      ends.map((end) => end.number),
    ),
  ).toBe(1);
  const { descriptors } = received(b.number);
  expect(descriptors.length).toBe(2);
  for (const [i, descriptor] of descriptors.entries()) {
    expect(descriptor.number).not.toBe(ends[i]!.number);
    expect(fstatSync(descriptor.number).ino).toBe(fstatSync(ends[i]!.number).ino);
    descriptor[Symbol.dispose]();
    ends[i]![Symbol.dispose]();
  }
});

test("receivePacket tells of a packet that is cut, and of the end", () => {
  const [a, b] = packetSocketPair();
  using _b = b;
  sendPacket(a.number, new Uint8Array(5000));
  expect(received(b.number)).toMatchObject({ isCut: true, descriptors: [] });
  a[Symbol.dispose]();
  expect(received(b.number).bytes.length).toBe(0);
});

test("sendPacket says when nobody takes it, and refuses too many descriptors", () => {
  const [a, b] = packetSocketPair();
  using _a = a;
  while (sendPacket(a.number, buffer) > 0) {
    // Until it is full.
  }
  expect(sendPacket(a.number, buffer)).toBe(-ERRNO.EAGAIN);
  b[Symbol.dispose](); // with packets in it, which the next call tells of
  expect(sendPacket(a.number, buffer)).toBe(-ERRNO.ECONNRESET);
  expect(sendPacket(a.number, buffer)).toBe(-ERRNO.EPIPE);
  const many = Array.from({ length: MAX_PACKET_DESCRIPTORS + 1 }, () => a.number);
  expect(() => sendPacket(a.number, buffer, many)).toThrow("17 descriptors");
});

test("isPacketSocket tells one from all else", () => {
  const [a, b] = packetSocketPair();
  using _a = a;
  using _b = b;
  const ends = pipePair();
  expect([isPacketSocket(a.number), isPacketSocket(ends[0].number), isPacketSocket(9999)]).toEqual([
    ...[true, false, false],
  ]);
  for (const end of ends) {
    end[Symbol.dispose]();
  }
});
