import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNow, writeNow } from "../../../test/harness/socket-pair.ts";
import { ops, type Packet, VsockGuest } from "../../../test/harness/vsock-guest.ts";
import * as S from "../../kernel/abi/virtio-vsock.ts";
import { acceptUnix, listenUnix } from "../../kernel/net/unix-stream.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { VirtioFault } from "./fault.ts";
import { MAX_HANDSHAKES } from "./vsock-handshakes.ts";
import { MAX_CONNECTIONS, VsockDevice } from "./vsock.ts";

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

const { VIRTIO_VSOCK_OP_REQUEST: REQUEST, VIRTIO_VSOCK_OP_RESPONSE: RESPONSE } = S;
const { VIRTIO_VSOCK_OP_RST: RST, VIRTIO_VSOCK_OP_RW: RW } = S;

let paths = 0;

function newVsock(buffers?: number, bufferBytes?: number): VsockGuest {
  return new VsockGuest(join(folder, `s${paths++}`), cleanUp, buffers, bufferBytes);
}

/** What was not read on the other side makes a reset of the end. */
function isClosed(socket: FileDescriptor): boolean {
  try {
    return readNow(socket)?.length === 0;
  } catch (error) {
    return isErrno(error, "ECONNRESET");
  }
}

const text = (value: string) => new TextEncoder().encode(value);

test("VsockDevice says the guest's address, and refuses one that is none", () => {
  const { guest, path } = newVsock();
  expect([...guest.readConfig(0, 8)]).toEqual([3, 0, 0, 0, 0, 0, 0, 0]);
  using listener = listenUnix(`${path}x`);
  for (const guestCid of [0, 2, 2 ** 32 - 1, 1.5]) {
    expect(() => new VsockDevice({ guestCid, listener, connect: () => -1 })).toThrow(RangeError);
  }
});

test("VsockDevice carries a connection that the host began, both ways, with what was sent at once", () => {
  const vsock = newVsock();
  const { host, at } = vsock.incoming();
  writeNow(host, text("ping"));
  const [data] = vsock.receive();
  expect(data).toMatchObject({ op: RW, ...at, length: 4 });
  expect(data?.data.toString()).toBe("ping");
  vsock.send({ op: RW, ...at, data: text("pong"), forwarded: 4 });
  expect(readNow(host)?.toString()).toBe("pong");
  // A second one gets another port, and data after its line is for the guest.
  const other = vsock.connect("CONNECT 77\nearly");
  const [request] = vsock.receive();
  expect(request?.hostPort).not.toBe(at.hostPort);
  vsock.send({ op: RESPONSE, hostPort: request!.hostPort, guestPort: 77 });
  expect(vsock.receive()[0]?.data.toString()).toBe("early");
  expect(readNow(other)?.toString()).toStartWith("OK ");
});

test("VsockDevice carries a connection that the guest began, to who listens for its port", () => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  vsock.send({ op: RW, ...at, data: text("from the guest") });
  expect(readNow(host)?.toString()).toBe("from the guest");
  writeNow(host, text("from the host"));
  expect(vsock.receive()[0]?.data.toString()).toBe("from the host");
});

test("VsockDevice refuses a port that nobody listens for, and tells a host's program that the guest refused", () => {
  const vsock = newVsock();
  vsock.send({ op: REQUEST, hostPort: 9, guestPort: 5 });
  expect(vsock.receive()).toMatchObject([{ op: RST, hostPort: 9, guestPort: 5 }]);
  const host = vsock.connect("CONNECT 1\n");
  const [request] = vsock.receive();
  vsock.send({ op: RST, hostPort: request!.hostPort, guestPort: 1 });
  expect(readNow(host)?.length).toBe(0);
  expect(vsock.device.connectionCount).toBe(0);
});

const BAD_LINES = [
  "CONNECT\n",
  "CONNECT x\n",
  "CONNECT 4294967296\n",
  "CONNECT -1\n",
  "connect 5\n",
  "\n",
  "CONNECT 1 2\n",
  "CONNECT 000000000000000000000000000000000000000000001\n",
  "x".repeat(32),
];

test.each(BAD_LINES)("VsockDevice closes on %j instead of a port", (line) => {
  const vsock = newVsock();
  const host = vsock.connect(line);
  expect(vsock.receive()).toEqual([]);
  expect(isClosed(host)).toBe(true);
});

test("VsockDevice waits for the rest of a line", () => {
  const vsock = newVsock();
  const host = vsock.connect("CONN");
  expect(vsock.receive()).toEqual([]);
  writeNow(host, text("ECT 1024"));
  expect(vsock.receive()).toEqual([]);
  writeNow(host, text("\n"));
  expect(vsock.receive()).toMatchObject([{ op: REQUEST, guestPort: 1024 }]);
});

test("VsockDevice keeps a bounded number of programs that say nothing", () => {
  const vsock = newVsock();
  const hosts = Array.from({ length: MAX_HANDSHAKES + 1 }, () => {
    const host = vsock.connect();
    vsock.receive();
    return host;
  });
  expect(readNow(hosts.at(-1)!)?.length).toBe(0);
  expect(readNow(hosts[0]!)).toBeUndefined();
  writeNow(hosts[0]!, text("CONNECT 1\n"));
  expect(ops(vsock.receive())).toEqual([REQUEST]);
});

const STRAY: readonly (readonly [
  name: string,
  packet: Partial<Packet>,
  answer: readonly number[],
])[] = [
  ["data of no connection", { op: RW, data: text("x") }, [RST]],
  ["a response that nobody asked for", { op: RESPONSE }, [RST]],
  ["a reset of no connection", { op: RST }, []],
  ["an unknown operation", { op: 99 }, [RST]],
  ["no operation", { op: 0 }, [RST]],
  ["a packet of another type", { op: REQUEST, type: 2 }, [RST]],
  ["somebody else's address", { op: REQUEST, sourceCid: 4 }, []],
  ["a packet for another host", { op: REQUEST, destinationCid: 1 }, []],
];

test.each(STRAY)("VsockDevice answers to %s as it should", (_, packet, answer) => {
  const vsock = newVsock();
  vsock.send({ op: 0, hostPort: 1, guestPort: 2, ...packet });
  const packets = vsock.receive();
  expect(ops(packets)).toEqual([...answer]);
  expect(packets.every(({ type }) => type === (packet.type ?? 1))).toBe(true);
});

const FATAL: readonly (readonly [name: string, packet: Partial<Packet>])[] = [
  ["a second request", { op: REQUEST }],
  ["a response to its own request", { op: RESPONSE }],
  ["an unknown operation", { op: 42 }],
  ["a payload that is shorter than its length", { op: RW, data: text("short"), length: 6 }],
  ["a length of 4 GiB", { op: RW, data: text("short"), length: 0xffff_ffff }],
];

test.each(FATAL)("VsockDevice resets a connection on %s", (_, packet) => {
  const vsock = newVsock();
  const { host, at } = vsock.outgoing();
  vsock.send({ op: 0, ...at, ...packet });
  expect(vsock.receive()).toMatchObject([{ op: RST, ...at }]);
  expect(readNow(host)?.length).toBe(0);
  expect([vsock.device.connectionCount, vsock.guest.faults.length]).toEqual([0, 0]);
});

test("VsockDevice does not listen to a guest that takes no replies, and goes on when it does", () => {
  const vsock = newVsock(0);
  const queue = vsock.guest.queue(1);
  let sent = 0;
  let taken = 0;
  for (; sent < 500 && queue.freeDescriptors > 0; sent++) {
    vsock.send({ op: RW, hostPort: sent, guestPort: 1 });
    taken = sent - queue.inFlight;
  }
  expect([sent < 500, taken]).toEqual([true, 255]);
  let resets = 0;
  for (let i = 0; i < 20; i++) {
    vsock.post(64 - vsock.guest.queue(0).inFlight);
    resets += vsock.receive(false).length;
    queue.takeAll();
  }
  expect([resets, queue.inFlight]).toEqual([sent, 0]);
});

test("VsockDevice has a bounded number of connections", () => {
  const vsock = newVsock();
  const listener = cleanUp.use(listenUnix(`${vsock.path}_1`));
  for (let port = 0; port < MAX_CONNECTIONS; port++) {
    vsock.send({ op: REQUEST, hostPort: 1, guestPort: port });
    const socket = acceptUnix(listener);
    cleanUp.use(socket as FileDescriptor);
    expect(ops(vsock.receive())).toEqual([RESPONSE]);
  }
  vsock.send({ op: REQUEST, hostPort: 1, guestPort: MAX_CONNECTIONS });
  expect(ops(vsock.receive())).toEqual([RST]);
  const host = vsock.connect("CONNECT 1\n");
  expect(vsock.receive()).toEqual([]);
  expect(isClosed(host)).toBe(true);
  vsock.send({ op: RST, hostPort: 1, guestPort: 7 });
  vsock.connect("CONNECT 1\n");
  expect(ops(vsock.receive())).toEqual([REQUEST]);
});

test("VsockDevice waits for receive buffers, with all connections served in turn", () => {
  const vsock = newVsock(0);
  const hosts = [1, 2, 3].map((port) => vsock.connect(`CONNECT ${port}\n`));
  expect(vsock.receive()).toEqual([]);
  vsock.post(3);
  const requests = vsock.receive(false);
  expect(requests.map(({ guestPort }) => guestPort).toSorted()).toEqual([1, 2, 3]);
  for (const [i, { hostPort, guestPort }] of requests.entries()) {
    vsock.send({ op: RESPONSE, hostPort, guestPort });
    writeNow(hosts[i]!, Buffer.alloc(10_000));
  }
  vsock.guest.pump();
  vsock.post(6, 1044);
  expect(vsock.receive(false).map(({ guestPort, length }) => [guestPort, length])).toEqual(
    [1, 2, 3, 1, 2, 3].map((port) => [port, 1000]),
  );
});

test("VsockDevice stops on a receive buffer without room for a header", () => {
  const vsock = newVsock(1, 43);
  vsock.send({ op: RW, hostPort: 1, guestPort: 1 });
  expect(vsock.guest.faults).toEqual([expect.any(VirtioFault)]);
});

test("VsockDevice closes everything on a reset, and its listener goes on", () => {
  const vsock = newVsock();
  const { host } = vsock.incoming();
  vsock.guest.start();
  expect(readNow(host)?.length).toBe(0);
  vsock.post(8);
  vsock.incoming();
});

test("VsockDevice tells a restored guest that its connections are gone", () => {
  const vsock = newVsock();
  vsock.incoming();
  const { guest } = vsock;
  const state = JSON.parse(JSON.stringify(guest.transport.save()));
  guest.transport.restore(state);
  expect(vsock.device.connectionCount).toBe(0);
  guest.queue(2).add([], [8]);
  guest.queue(2).kick();
  expect(guest.queue(2).take()).toMatchObject({ written: 4 });
  guest.queue(2).add([], [8]);
  guest.queue(2).kick();
  expect(guest.queue(2).take()).toBeUndefined();
  vsock.incoming();
  // The address is this machine's, whatever the other's was.
  const other = { ...state, device: { ...state.device, guestCid: "0x9" } };
  guest.transport.restore(other);
  const bad = { ...state, device: { ...state.device, guestCid: "nine" } };
  expect(() => guest.transport.restore(bad)).toThrow(/guestCid/);
});
