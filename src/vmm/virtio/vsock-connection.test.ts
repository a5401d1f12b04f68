import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../../test/harness/random.ts";
import { readNow, writeNow } from "../../../test/harness/socket-pair.ts";
import { ops, VsockGuest, shutWrites } from "../../../test/harness/vsock-guest.ts";
import * as S from "../../kernel/abi/virtio-vsock.ts";
import { VSOCK_BUFFER_BYTES } from "./vsock-connection.ts";

const folder = mkdtempSync(join(tmpdir(), "vsock-"));
const descriptors = readdirSync("/proc/self/fd").length;
let cleanUp = new DisposableStack();
afterEach(() => {
  cleanUp.dispose();
  cleanUp = new DisposableStack();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
});

const { VIRTIO_VSOCK_OP_RST: RST, VIRTIO_VSOCK_OP_RW: RW, VIRTIO_VSOCK_OP_SHUTDOWN: SHUTDOWN } = S;
const { VIRTIO_VSOCK_OP_CREDIT_UPDATE: CREDIT_UPDATE } = S;
const { VIRTIO_VSOCK_OP_CREDIT_REQUEST: CREDIT_REQUEST } = S;

let paths = 0;

function newVsock(buffers?: number, bufferBytes?: number): VsockGuest {
  return new VsockGuest(join(folder, `s${paths++}`), cleanUp, buffers, bufferBytes);
}

const text = (value: string) => new TextEncoder().encode(value);

test("VsockDevice sends no more than the guest has room for, asks it once, and goes on", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  vsock.send({ op: CREDIT_UPDATE, ...at, bufferBytes: 100, forwarded: 0 });
  writeNow(host, Buffer.alloc(250, 7));
  const first = vsock.receive();
  expect(first.map(({ op, length }) => [op, length])).toEqual([
    [RW, 100],
    [CREDIT_REQUEST, 0],
  ]);
  expect(vsock.receive()).toEqual([]);
  vsock.send({ op: CREDIT_UPDATE, ...at, bufferBytes: 100, forwarded: 60 });
  expect(vsock.receive().map(({ length }) => length)).toEqual([60, 0]);
  vsock.send({ op: CREDIT_UPDATE, ...at, bufferBytes: 1000, forwarded: 160 });
  expect(vsock.receive().map(({ length }) => length)).toEqual([90]);
  // Credit that can't be: less than it has taken.
  vsock.send({ op: CREDIT_UPDATE, ...at, bufferBytes: 0, forwarded: 0xffff_ffff });
  writeNow(host, Buffer.alloc(10));
  expect(ops(vsock.receive())).toEqual([CREDIT_REQUEST]);
});

test("VsockDevice keeps what a slow host does not take, within the credit, and tells of it", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  const sent: Buffer[] = [];
  let forwarded = 0;
  let sentBytes = 0;
  // As a guest does: no more than the credit allows. The host reads nothing.
  while (sentBytes - forwarded < VSOCK_BUFFER_BYTES) {
    const size = Math.min(4096 + (sent.length % 7), VSOCK_BUFFER_BYTES - (sentBytes - forwarded));
    const data = Buffer.alloc(size, sent.length);
    vsock.send({ op: RW, ...at, data });
    sent.push(data);
    sentBytes += size;
    const updates = vsock.receive();
    forwarded = updates.at(-1)?.forwarded ?? forwarded;
  }
  expect(sentBytes).toBeGreaterThan(2 * VSOCK_BUFFER_BYTES);
  const got: Buffer[] = [];
  for (let gotBytes = 0; gotBytes < sentBytes;) {
    const bytes = readNow(host, 10_000);
    gotBytes += bytes?.length ?? 0;
    got.push(bytes ?? Buffer.alloc(0));
    forwarded = vsock.receive().at(-1)?.forwarded ?? forwarded;
  }
  expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
  vsock.send({ op: CREDIT_REQUEST, ...at });
  expect(vsock.receive()).toMatchObject([{ op: CREDIT_UPDATE, forwarded: sentBytes }]);
});

test("VsockDevice ends a connection whose guest sends beyond its credit", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  let count = 0;
  const killed = () => ops(vsock.receive()).includes(RST);
  for (; count < 200 && !killed(); count++) {
    vsock.send({ op: RW, ...at, data: Buffer.alloc(8192) });
  }
  expect(count).toBeLessThan(200);
  expect(vsock.device.connectionCount).toBe(0);
  let got = 0;
  for (let bytes = readNow(host); bytes !== undefined && bytes.length > 0; bytes = readNow(host)) {
    got += bytes.length;
  }
  expect(got).toBeGreaterThan(0);
});

test("VsockDevice passes on that the host has ended its half, and takes the guest's until it ends, too", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  writeNow(host, text("last"));
  expect(vsock.receive()[0]?.data.toString()).toBe("last");
  shutWrites(host);
  expect(vsock.receive()).toMatchObject([{ op: SHUTDOWN, flags: S.VIRTIO_VSOCK_SHUTDOWN_SEND }]);
  vsock.send({ op: RW, ...at, data: text("answer") });
  expect(readNow(host)?.toString()).toBe("answer");
  vsock.send({ op: SHUTDOWN, ...at, flags: 3 });
  expect(ops(vsock.receive())).toEqual([RST]);
  expect(readNow(host)?.length).toBe(0);
  expect(vsock.device.connectionCount).toBe(0);
});

test("VsockDevice passes on that the host has gone, after what it had said", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  writeNow(host, text("bye"));
  host[Symbol.dispose]();
  const packets = vsock.receive();
  expect(packets.map(({ op, flags }) => [op, flags])).toEqual([
    [RW, 0],
    [SHUTDOWN, 3],
  ]);
  vsock.send({ op: RST, ...at });
  expect(vsock.device.connectionCount).toBe(0);
});

test("VsockDevice has the host read all before the guest's end, and answers a whole shutdown", () => {
  const vsock = newVsock();
  const { host, at } = vsock.incoming();
  vsock.send({ op: RW, ...at, data: text("all") }, { op: SHUTDOWN, ...at, flags: 2 });
  expect(readNow(host)?.toString()).toBe("all");
  expect(readNow(host)?.length).toBe(0);
  writeNow(host, text("more")); // the other way is still open
  expect(vsock.receive()[0]?.data.toString()).toBe("more");
  vsock.send({ op: SHUTDOWN, ...at, flags: 1 });
  expect(ops(vsock.receive())).toEqual([RST]);
});

test("VsockDevice carries random streams whole, in both directions, over small buffers and little credit", () => {
  for (let seed = 0; seed < 5; seed++) {
    const random = randomFrom(seed);
    const vsock = newVsock(8, 44 + 100 + random(3000));
    const { host, at } = seed % 2 === 0 ? vsock.outgoing() : vsock.incoming();
    const [toHost, fromHost, toGuest, fromGuest]: [Buffer[], Buffer[], Buffer[], Buffer[]] = [
      [],
      [],
      [],
      [],
    ];
    let [sentBytes, forwarded, taken] = [0, 0, 0];
    const look = () => {
      for (const packet of vsock.receive()) {
        expect([RW, CREDIT_UPDATE, CREDIT_REQUEST]).toContain(packet.op);
        forwarded = packet.forwarded;
        taken += packet.length;
        toGuest.push(packet.data);
      }
    };
    for (let step = 0; step < 400; step++) {
      const size = Math.min(1 + random(5000), VSOCK_BUFFER_BYTES - (sentBytes - forwarded));
      if (random(2) === 0 && size > 0) {
        const data = Buffer.alloc(size, random(256));
        vsock.send({ op: RW, ...at, data, bufferBytes: 9000, forwarded: taken });
        fromGuest.push(data);
        sentBytes += size;
      }
      if (random(2) === 0) {
        const data = Buffer.alloc(1 + random(5000), random(256));
        fromHost.push(data.subarray(0, writeNow(host, data)));
      }
      // Seldom, so that its buffers are full, and ours, too.
      if (random(6) === 0) {
        toHost.push(readNow(host, 1 + random(8000)) ?? Buffer.alloc(0));
      }
      look();
    }
    for (let i = 0; i < 200; i++) {
      vsock.send({ op: CREDIT_UPDATE, ...at, bufferBytes: 9000, forwarded: taken });
      toHost.push(readNow(host) ?? Buffer.alloc(0));
      look();
    }
    expect(Buffer.concat(toHost).equals(Buffer.concat(fromGuest))).toBe(true);
    expect(Buffer.concat(toGuest).equals(Buffer.concat(fromHost))).toBe(true);
    expect(vsock.guest.faults).toEqual([]);
  }
});
