import { expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { readNow, socketPair, writeNow } from "../../../test/harness/socket-pair.ts";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import * as T from "../../kernel/abi/if-tun.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import * as N from "../../kernel/abi/virtio-net.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { featuresOf } from "./device.ts";
import { NetDevice } from "./net.ts";

/** A socket that keeps messages apart, as a TAP device does. */
const SOCK_SEQPACKET = 5;
const BASE = featuresOf([32, N.VIRTIO_NET_F_MAC]);
const MERGING = BASE | featuresOf([29, N.VIRTIO_NET_F_MRG_RXBUF]);
const GSO = MERGING | featuresOf([N.VIRTIO_NET_F_GUEST_CSUM, N.VIRTIO_NET_F_GUEST_TSO4]);

interface Net extends Disposable {
  readonly guest: VirtioGuest;
  readonly device: NetDevice;
  /** The other side of the port. */
  readonly host: FileDescriptor;
  readonly offloads: number[];
  readonly fd: number;
}

function net(wanted: bigint, queueSize = 16, supported = 0xff): Net {
  const [port, host] = socketPair(SOCK_SEQPACKET);
  const offloads: number[] = [];
  const device = new NetDevice({
    port: {
      fd: port.number,
      setOffloads(flags) {
        offloads.push(flags);
        return (flags & ~supported) === 0 ? 0 : -22;
      },
    },
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    mtu: 1400,
  });
  const guest = new VirtioGuest(device, { wanted, queueSize }).start();
  return {
    ...{ guest, device, host, offloads, fd: port.number },
    [Symbol.dispose]: () => {
      port[Symbol.dispose]();
      host[Symbol.dispose]();
    },
  };
}

/** A header and a frame of so many bytes, which differ. */
function frame(length: number, first = 1): Buffer {
  return Buffer.concat([
    Buffer.alloc(12),
    Buffer.from(new Uint8Array(length).map((_, i) => first + i)),
  ]);
}

test("NetDevice says its address, its link and its MTU", () => {
  using port = net(BASE);
  expect([...port.guest.readConfig(0, 12)]).toEqual([2, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0x78, 5]);
});

test("NetDevice offers a guest's offloads only where the port has them, and sets what was negotiated", () => {
  using whole = net(GSO);
  expect(whole.offloads.at(-1)).toBe(T.TUN_F_CSUM | T.TUN_F_TSO4);
  whole.guest.write32(0x70, 0);
  expect(whole.offloads.at(-1)).toBe(0);
  using poor = net(GSO, 16, T.TUN_F_CSUM);
  expect(poor.guest.offered() & featuresOf([1, 7, 8, 9])).toBe(0n);
  expect(poor.offloads.at(-1)).toBe(0);
});

test("NetDevice refuses features without those that they need", () => {
  using port = net(BASE);
  const { guest } = port;
  for (const [bits, isRight] of [
    [[N.VIRTIO_NET_F_GUEST_TSO4], false],
    [[N.VIRTIO_NET_F_GUEST_CSUM, N.VIRTIO_NET_F_GUEST_ECN], false],
    [[N.VIRTIO_NET_F_HOST_TSO6], false],
    [[N.VIRTIO_NET_F_CSUM, N.VIRTIO_NET_F_HOST_TSO6, N.VIRTIO_NET_F_HOST_ECN], true],
  ] as const) {
    expect(guest.negotiate(BASE | featuresOf(bits))).toBe(isRight);
  }
});

test("NetDevice sends frames whole, however the driver cuts them", () => {
  using port = net(BASE);
  const { guest, host } = port;
  const bytes = frame(300);
  guest.queue(1).add([bytes.subarray(0, 5), bytes.subarray(5, 12), bytes.subarray(12)], []);
  guest.queue(1).add([frame(60, 9)], []);
  guest.queue(1).kick();
  expect(readNow(host)).toEqual(bytes);
  expect(readNow(host)).toEqual(frame(60, 9));
  expect(readNow(host)).toBeUndefined();
  expect(guest.queue(1).takeAll()).toHaveLength(2);
  expect(port.device.counters.sentFrames).toBe(2);
});

test("NetDevice drops what is too short or too long to be a frame", () => {
  using port = net(BASE);
  const { guest, host } = port;
  for (const length of [1, 12, 65_567]) {
    guest.queue(1).add([new Uint8Array(length)], []);
  }
  guest.queue(1).add([], [100]);
  guest.queue(1).kick();
  expect(readNow(host)).toBeUndefined();
  expect(port.device.counters).toMatchObject({ sentFrames: 0, sendDrops: 4 });
  expect(guest.queue(1).takeAll()).toHaveLength(4);
});

test("NetDevice waits for a port that is full, and sends in order then", () => {
  using port = net(BASE, 256);
  const { guest, host, fd } = port;
  const mark = guest.mark();
  let sent = 0;
  const got: number[] = [];
  while (port.device.counters.sentFrames === sent) {
    guest.release(mark);
    guest.queue(1).add([frame(4000, sent % 200)], []);
    sent += 1;
    guest.queue(1).kick();
    guest.queue(1).takeAll();
    expect(sent).toBeLessThan(1000);
  }
  expect(guest.transport.waits()).toEqual([{ fd, events: POLLOUT }]);
  for (let bytes = readNow(host); bytes !== undefined; bytes = readNow(host)) {
    got.push(bytes[12]!);
    guest.pump();
  }
  expect(got).toEqual(Array.from({ length: sent }, (_, i) => i % 200));
});

test("NetDevice receives into one buffer, and says so in the header", () => {
  using port = net(BASE);
  const { guest, host, fd } = port;
  guest.queue(0).add([], [12, 1500]);
  guest.queue(0).add([], [1512]);
  guest.queue(0).kick();
  expect(guest.transport.waits()).toEqual([{ fd, events: POLLIN }]);
  writeNow(host, frame(100));
  writeNow(host, frame(1500, 7));
  guest.pump();
  const [first, second] = guest.queue(0).takeAll();
  expect([first?.written, second?.written]).toEqual([112, 1512]);
  const bytes = Buffer.concat(first!.buffers);
  expect(bytes.readUInt16LE(10)).toBe(1);
  expect(bytes.subarray(12, 112).equals(frame(100).subarray(12))).toBe(true);
  expect(second!.buffers[0]![12]).toBe(7);
  expect(guest.transport.waits()).toEqual([]); // no buffers
  guest.queue(0).add([], [1512]);
  expect(guest.queue(0).kick()).toBe(true);
  expect(guest.transport.waits()).toEqual([{ fd, events: POLLIN }]);
});

test("NetDevice drops a frame that its buffer is too small for, and keeps the buffer", () => {
  using port = net(BASE);
  const { guest, host } = port;
  guest.queue(0).add([], [200]);
  guest.queue(0).kick();
  writeNow(host, frame(500));
  writeNow(host, frame(5)); // shorter than a header and a frame, which a port does not have
  writeNow(host, frame(100, 3));
  guest.pump();
  expect(guest.queue(0).take()).toMatchObject({ written: 17 });
  expect(port.device.counters.receiveDrops).toBe(1);
});

test("NetDevice spreads a long frame over as many buffers as it takes, and shows them at once", () => {
  using port = net(GSO, 64);
  const { guest, host } = port;
  for (let i = 0; i < 48; i++) {
    guest.queue(0).add([], [1500]);
  }
  guest.queue(0).kick();
  const long = frame(9000, 5);
  const [queue] = guest.transport.queues;
  const push = queue!.push.bind(queue);
  const shown: number[] = [];
  queue!.push = (...args) => {
    push(...args);
    shown.push(guest.memory.read16(guest.queue(0).used + 2));
  };
  writeNow(host, long);
  writeNow(host, frame(50, 6));
  guest.pump();
  // With 48 of them there is room for the largest frame (65,562 bytes); with what is left after the first there is not.
  const used = guest.queue(0).takeAll();
  expect(used.map(({ written }) => written)).toEqual([1500, 1500, 1500, 1500, 1500, 1500, 12]);
  expect(shown).toEqual([0, 0, 0, 0, 0, 0, 7]);
  const bytes = Buffer.concat(used.map(({ buffers, written }) => buffers[0]!.subarray(0, written)));
  expect(bytes.readUInt16LE(10)).toBe(7);
  expect(bytes.subarray(12).equals(long.subarray(12))).toBe(true);
  expect(guest.transport.waits()).toEqual([]);
  for (let i = 0; i < 7; i++) {
    guest.queue(0).add([], [1500]);
  }
  expect(guest.queue(0).kick()).toBe(true);
  expect(
    guest
      .queue(0)
      .takeAll()
      .map(({ written }) => written),
  ).toEqual([62]);
});

test("NetDevice stops on a receive buffer that can't be written", () => {
  using port = net(BASE);
  port.guest.queue(0).add([new Uint8Array(100)], []);
  port.guest.queue(0).kick();
  expect(port.guest.faults).toHaveLength(1);
});

test("NetDevice stops polling a port that is gone", () => {
  using port = net(BASE);
  port.guest.queue(0).add([], [1512]);
  port.guest.queue(0).kick();
  port.host[Symbol.dispose]();
  port.guest.pump();
  expect(port.guest.transport.waits()).toEqual([]);
  expect(port.guest.faults).toEqual([]);
});

test("NetDevice loses and changes no frame, over random sizes and buffers", () => {
  for (const wanted of [BASE, MERGING, GSO]) {
    using port = net(wanted, 256);
    const { guest, host } = port;
    const random = randomFrom(77);
    const isMerging = wanted !== BASE;
    const start = guest.mark();
    const expected: Buffer[] = [];
    const got: Buffer[] = [];
    const parts: Buffer[] = [];
    let missing = 0;
    const collect = () => {
      for (const { buffers, written } of guest.queue(0).takeAll()) {
        const bytes = Buffer.concat(buffers).subarray(0, written);
        missing = missing === 0 ? bytes.readUInt16LE(10) : missing;
        parts.push(bytes);
        missing -= 1;
        if (missing === 0) {
          got.push(Buffer.concat(parts.splice(0)));
        }
      }
    };
    for (let step = 0; step < 300; step++) {
      if (guest.queue(0).inFlight === 0) {
        guest.release(start);
      }
      for (let i = random(20); i > 0 && guest.queue(0).freeDescriptors > 2; i--) {
        const most = isMerging ? 100 + random(1500) : 1512;
        guest.queue(0).add([], random(2) === 0 ? [12, most - 12] : [most]);
      }
      guest.queue(0).kick();
      const bytes = frame(1 + random(1400), random(256));
      expected.push(...(writeNow(host, bytes) > 0 ? [bytes] : []));
      guest.pump();
      collect();
    }
    expect(got.length).toBeGreaterThan(150);
    for (const [i, bytes] of got.entries()) {
      expect(bytes.subarray(12).equals(expected[i]!.subarray(12))).toBe(true);
    }
    expect([guest.faults, port.device.counters.receiveDrops]).toEqual([[], 0]);
  }
});

test("NetDevice withstands random rings and registers", () => {
  using port = net(BASE);
  const fd = port.fd;
  const device = () =>
    new NetDevice({ port: { fd, setOffloads: () => 0 }, mac: new Uint8Array(6) });
  const { whole, faults } = fuzzChains({
    device,
    rounds: 3000,
    seed: 3000,
    after: (guest, random) => {
      for (let i = random(4); i > 0; i--) {
        writeNow(port.host, frame(1 + random(2000)));
      }
      guest.pump();
      readNow(port.host);
    },
  });
  expect(Math.min(whole, faults)).toBeGreaterThan(300);
  fuzzRegisters(device, 5000, 6);
});
