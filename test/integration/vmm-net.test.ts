/** The network device over a TAP device of the kernel's, with the test as the guest: what sockets do not show. */
import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import * as N from "../../src/kernel/abi/virtio-net.ts";
import { Interfaces } from "../../src/kernel/net/interfaces.ts";
import { openTap, type Tap } from "../../src/kernel/net/tap.ts";
import { featuresOf } from "../../src/vmm/virtio/device.ts";
import { NetDevice } from "../../src/vmm/virtio/net.ts";
import { messageOf } from "../../src/base/errors.ts";
import { eventually } from "../harness/eventually.ts";
import { VirtioGuest } from "../harness/virtio-driver.ts";

const NAME = `au${process.pid}`;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 7);
/** Addresses for documentation (RFC 5737), which nobody has. */
const HOST = [198, 51, 100, 1];
const GUEST = [198, 51, 100, 2];
const HEADER_BYTES = 12;
const ETHERNET_BYTES = 14;
const ARP = [0x08, 0x06];
const NEEDS_CHECKSUM = 1;
const BASE = featuresOf([32, N.VIRTIO_NET_F_MAC]);
const CHECKSUM = featuresOf([N.VIRTIO_NET_F_GUEST_CSUM]);

function missingForTap(): string | undefined {
  try {
    openTap(NAME)[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The device whose other end is the kernel's, with an address, for as long as it is held. */
function tapWithAddress(): Tap {
  const tap = openTap(NAME);
  using interfaces = new Interfaces();
  const index = interfaces.list().find(({ name }) => name === NAME)?.index ?? -1;
  interfaces.setUp(index);
  interfaces.addAddress(index, HOST.join("."), 30);
  return tap;
}

function startGuest(tap: Tap, wanted: bigint): VirtioGuest {
  const device = new NetDevice({ port: tap, mac: MAC });
  const guest = new VirtioGuest(device, { wanted }).start();
  for (let i = 0; i < 64; i++) {
    guest.queue(0).add([], [2048]);
  }
  guest.queue(0).kick();
  return guest;
}

/** An ARP packet (RFC 826): a question to all, or the answer to who asked. */
function arp(operation: number, target: Uint8Array): Uint8Array {
  const isAnswer = operation === 2;
  return Uint8Array.of(
    ...new Array(HEADER_BYTES).fill(0),
    ...(isAnswer ? target : new Array(6).fill(0xff)),
    ...[...MAC, ...ARP, 0, 1, 8, 0, 6, 4, 0, operation],
    ...[...MAC, ...GUEST, ...target, ...HOST],
  );
}

/** Receives until a frame is what is looked for. */
function receive(guest: VirtioGuest, isIt: (frame: Buffer) => boolean): Promise<Buffer> {
  return eventually("a frame from the kernel", () => {
    guest.pump();
    const frames = guest
      .queue(0)
      .takeAll()
      .map(({ buffers, written }) => Buffer.concat(buffers).subarray(0, written));
    return frames.find(isIt);
  });
}

const isArp = (operation: number) => (frame: Buffer) =>
  frame[HEADER_BYTES + 12] === ARP[0] &&
  frame[HEADER_BYTES + 13] === ARP[1] &&
  frame[HEADER_BYTES + ETHERNET_BYTES + 7] === operation;

const missing = missingForTap();

if (missing === undefined) {
  tests();
} else {
  test.skip(`the network device over a TAP device: needs /dev/net/tun (${missing})`, () =>
    undefined);
}

function tests(): void {
  test("the kernel answers what the guest asks by a frame", async () => {
    using tap = tapWithAddress();
    const guest = startGuest(tap, BASE | featuresOf([29, N.VIRTIO_NET_F_MRG_RXBUF]));
    guest.queue(1).add([arp(1, new Uint8Array(6))], []);
    guest.queue(1).kick();
    expect(guest.queue(1).takeAll()).toHaveLength(1);
    const answer = await receive(guest, isArp(2));
    expect(answer.readUInt16LE(10)).toBe(1);
    expect([...answer.subarray(HEADER_BYTES, HEADER_BYTES + 6)]).toEqual([...MAC]);
    expect(guest.faults).toEqual([]);
  });

  for (const [wanted, flag] of [
    [BASE, 0],
    [BASE | CHECKSUM, NEEDS_CHECKSUM],
  ] as const) {
    test(`the kernel leaves the checksum to a guest that wants it: flags ${flag}`, async () => {
      using tap = tapWithAddress();
      const guest = startGuest(tap, wanted);
      const socket = createSocket("udp4");
      try {
        socket.send("some words for the guest", 9, GUEST.join("."));
        const question = await receive(guest, isArp(1));
        const kernelMac = question.subarray(HEADER_BYTES + 6, HEADER_BYTES + 12);
        guest.queue(1).add([arp(2, kernelMac)], []);
        guest.queue(1).kick();
        const frame = await receive(guest, (bytes) => bytes.includes("some words for the guest"));
        expect((frame[0] ?? 0) & NEEDS_CHECKSUM).toBe(flag);
      } finally {
        await new Promise<void>((resolve) => socket.close(() => resolve()));
      }
    });
  }

  test("what is no frame is dropped and counted, and the device goes on", async () => {
    using tap = tapWithAddress();
    const guest = startGuest(tap, BASE);
    // A header that asks for segments of no bytes.
    const bad = arp(1, new Uint8Array(6));
    bad[1] = 1;
    guest.queue(1).add([bad], []);
    guest.queue(1).add([arp(1, new Uint8Array(6))], []);
    guest.queue(1).kick();
    expect(guest.queue(1).takeAll()).toHaveLength(2);
    expect((guest.device as NetDevice).counters).toMatchObject({ sendDrops: 1, sentFrames: 1 });
    await receive(guest, isArp(2));
  });
}
