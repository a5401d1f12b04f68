import { describe, expect, test } from "bun:test";
import { ECHO_FEATURE, ECHO_NEEDS_OTHER, EchoDevice } from "../../../test/harness/virtio-echo.ts";
import { DriverQueue, VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import * as V from "../../kernel/abi/virtio.ts";
import { featuresOf } from "./device.ts";
import { VirtioFault } from "./fault.ts";
import { InterruptRegisters } from "./interrupt.ts";

const VERSION_1 = featuresOf([V.VIRTIO_F_VERSION_1]);
const EVENT_INDEX = featuresOf([V.VIRTIO_RING_F_EVENT_IDX]);

function newGuest(options = {}): VirtioGuest & { readonly device: EchoDevice } {
  return new VirtioGuest(new EchoDevice(), options) as VirtioGuest & { device: EchoDevice };
}

const text = (value: string) => new TextEncoder().encode(value);

test("MmioTransport identifies itself as virtio-mmio version 2", () => {
  const guest = newGuest();
  const words = [0, 4, 8, 0xc].map((offset) => guest.read32(offset));
  expect(words).toEqual([0x74726976, 2, V.VIRTIO_ID_RNG, 0x41525541]);
  expect(guest.read32(V.VIRTIO_MMIO_SHM_LEN_LOW)).toBe(0xffff_ffff);
});

test("MmioTransport offers its own features and the device's, and none beyond 64", () => {
  const guest = newGuest();
  const bits = [28, 29, 32, ECHO_FEATURE, ECHO_NEEDS_OTHER];
  expect(guest.offered()).toBe(featuresOf(bits));
  guest.write32(V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
  expect(guest.read32(V.VIRTIO_MMIO_DEVICE_FEATURES)).toBe(0);
  guest.write32(V.VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0xffff_ffff);
  expect(guest.read32(V.VIRTIO_MMIO_DEVICE_FEATURES)).toBe(0);
});

describe("MmioTransport agrees on features", () => {
  const cases: readonly (readonly [string, bigint, boolean])[] = [
    ["with all that it offers", featuresOf([28, 29, 32, 3, 4]), true],
    ["with VERSION_1 alone", VERSION_1, true],
    ["not without VERSION_1", featuresOf([28, 29]), false],
    ["not on one that it does not offer", VERSION_1 | featuresOf([34]), false],
    ["not on bit 63", VERSION_1 | (1n << 63n), false],
    ["not on one whose other is missing", VERSION_1 | featuresOf([ECHO_NEEDS_OTHER]), false],
  ];
  test.each(cases)("%s", (_, features, isAgreed) => {
    const guest = newGuest();
    for (const status of [0, 1, 3]) {
      guest.write32(V.VIRTIO_MMIO_STATUS, status);
    }
    guest.writeFeatures(features);
    guest.write32(V.VIRTIO_MMIO_STATUS, 11);
    expect(guest.read32(V.VIRTIO_MMIO_STATUS)).toBe(isAgreed ? 11 : 3);
    guest.write32(V.VIRTIO_MMIO_STATUS, 15);
    expect(guest.device.calls.includes("activate")).toBe(isAgreed);
  });
});

test("MmioTransport lets features change until they are agreed on, and not after", () => {
  const guest = newGuest();
  guest.writeFeatures(featuresOf([1]));
  guest.negotiate(VERSION_1);
  guest.writeFeatures(VERSION_1 | featuresOf([ECHO_FEATURE]));
  guest.write32(V.VIRTIO_MMIO_STATUS, 15);
  expect(guest.device.context?.features).toBe(VERSION_1);
});

const STATUS_WAYS: readonly (readonly [name: string, writes: readonly number[], status: number])[] =
  [
    ["DRIVER without ACKNOWLEDGE", [2], 0],
    ["DRIVER_OK without FEATURES_OK", [1, 3, 7], 3],
    ["a bit that is cleared", [1, 3, 2], 3],
    ["bits that are none", [1 | 0x30, 0x31], 1],
    ["NEEDS_RESET from the driver", [1, 0x41], 1],
    ["all before FAILED, and nothing after it", [1, 0x81, 0x83], 0x81],
    ["FAILED, then a reset", [1, 0x81, 0, 1], 1],
    ["several steps in one write", [3], 3],
    ["odd bits above 8", [0xffff_ff00], 0],
  ];

test.each(STATUS_WAYS)("MmioTransport status after %s", (_, writes, status) => {
  const guest = newGuest();
  for (const value of writes) {
    guest.write32(V.VIRTIO_MMIO_STATUS, value);
  }
  expect(guest.read32(V.VIRTIO_MMIO_STATUS)).toBe(status);
});

for (const [name, wanted] of [
  ["flags", VERSION_1],
  ["an event index", VERSION_1 | EVENT_INDEX],
  ["all features", (1n << 64n) - 1n],
] as const) {
  test(`MmioTransport serves chains that are notified of, with ${name}`, () => {
    const guest = newGuest({ wanted }).start();
    const queue = guest.queue(1);
    for (let i = 0; i < 100; i++) {
      const mark = guest.mark();
      queue.wantInterrupt();
      queue.add([text(`hello ${i}, `), text("you")], [3, 100]);
      expect(queue.kick()).toBe(true);
      const used = queue.take()!;
      const got = Buffer.concat(used.buffers).subarray(0, used.written).toString();
      expect(got).toBe(`hello ${i}, you`);
      expect(guest.interrupts).toBe(i + 1);
      expect(guest.read32(V.VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(V.VIRTIO_MMIO_INT_VRING);
      guest.write32(V.VIRTIO_MMIO_INTERRUPT_ACK, V.VIRTIO_MMIO_INT_VRING);
      expect(guest.read32(V.VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(0);
      guest.release(mark);
    }
    expect(guest.faults).toEqual([]);
  });
}

test("MmioTransport has what was made available before DRIVER_OK served", () => {
  const guest = newGuest();
  guest.negotiate();
  const queue = new DriverQueue(guest, 0, 8);
  guest.setUpQueue(0, queue);
  queue.add([text("early")], [5]);
  guest.write32(V.VIRTIO_MMIO_QUEUE_NOTIFY, 0);
  expect(queue.take()).toBeUndefined();
  guest.write32(V.VIRTIO_MMIO_STATUS, 15);
  expect(queue.take()?.written).toBe(5);
});

test("MmioTransport interrupts once for many chains, and not where the driver wants none", () => {
  const guest = newGuest({ wanted: VERSION_1 }).start();
  const queue = guest.queue(0);
  for (let i = 0; i < 7; i++) {
    queue.add([text("x")], [1]);
  }
  queue.kick();
  expect([guest.interrupts, queue.takeAll().length]).toEqual([1, 7]);
  queue.suppressInterrupts();
  queue.add([text("x")], [1]);
  queue.kick();
  expect([guest.interrupts, queue.takeAll().length]).toEqual([1, 1]);
});

test("MmioTransport answers nothing to accesses of other widths, or at odd places", () => {
  const guest = newGuest();
  for (const length of [1, 2, 8]) {
    for (const offset of [0, 1, 3, V.VIRTIO_MMIO_STATUS, 0xfd]) {
      const data = new Uint8Array(length).fill(0xee);
      guest.transport.read(offset, data);
      expect(data).toEqual(new Uint8Array(length));
      guest.transport.write(offset, new Uint8Array(length).fill(1));
    }
  }
  expect(guest.read32(2)).toBe(0);
  expect(guest.read32(V.VIRTIO_MMIO_STATUS)).toBe(0);
});

test("MmioTransport reads the configuration at any width, zeros beyond it, and writes none before DRIVER", () => {
  const guest = newGuest();
  expect([...guest.readConfig(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...guest.readConfig(9, 2)]).toEqual([10, 0]);
  expect([...guest.readConfig(0xe00, 4)]).toEqual([0, 0, 0, 0]);
  guest.transport.write(V.VIRTIO_MMIO_CONFIG, Uint8Array.of(9));
  expect([...guest.readConfig(0, 1)]).toEqual([1]);
  guest.negotiate();
  guest.transport.write(V.VIRTIO_MMIO_CONFIG, Uint8Array.of(9));
  guest.transport.write(V.VIRTIO_MMIO_CONFIG + 9, Uint8Array.of(7, 7)); // one byte too far
  expect([...guest.readConfig(0, 1), ...guest.readConfig(9, 1)]).toEqual([9, 10]);
});

test("MmioTransport configChanged makes a new generation, and interrupts a driver that is ready", () => {
  const guest = newGuest();
  guest.transport.configChanged();
  expect([guest.read32(V.VIRTIO_MMIO_CONFIG_GENERATION), guest.interrupts]).toEqual([1, 0]);
  guest.start();
  guest.transport.configChanged();
  expect(guest.read32(V.VIRTIO_MMIO_CONFIG_GENERATION)).toBe(2);
  expect(guest.read32(V.VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(V.VIRTIO_MMIO_INT_CONFIG);
});

test("MmioTransport sets queues up only between FEATURES_OK and DRIVER_OK, and not while they are ready", () => {
  const guest = newGuest();
  const queue = new DriverQueue(guest, 0, 8);
  guest.setUpQueue(0, queue);
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(0);
  guest.negotiate();
  guest.setUpQueue(0, queue);
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(1);
  guest.write32(V.VIRTIO_MMIO_QUEUE_NUM, 4);
  guest.write32(V.VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
  expect(guest.transport.queues[0]!.size).toBe(8);
  expect(guest.transport.queues[0]!.addresses.descLow).toBe(queue.descriptors);
  guest.write32(V.VIRTIO_MMIO_QUEUE_READY, 0);
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(0);
  guest.write32(V.VIRTIO_MMIO_STATUS, 15);
  guest.setUpQueue(0, queue);
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(0);
});

test("MmioTransport has no queue beyond the device's", () => {
  const guest = newGuest().start();
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_NUM_MAX)).toBe(8);
  for (const index of [2, 0xffff, 0xffff_ffff]) {
    guest.write32(V.VIRTIO_MMIO_QUEUE_SEL, index);
    expect(guest.read32(V.VIRTIO_MMIO_QUEUE_NUM_MAX)).toBe(0);
    expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(0);
    guest.write32(V.VIRTIO_MMIO_QUEUE_NOTIFY, index);
  }
  expect(guest.transport.drain(7)).toBe(false);
});

test.each([0, 3, 16, 0xffff])("MmioTransport needs a reset after a queue size of %p", (size) => {
  const guest = newGuest();
  guest.negotiate();
  const queue = new DriverQueue(guest, 1, 8);
  guest.write32(V.VIRTIO_MMIO_QUEUE_SEL, 1);
  guest.write32(V.VIRTIO_MMIO_QUEUE_NUM, size);
  guest.write32(V.VIRTIO_MMIO_QUEUE_DESC_LOW, queue.descriptors);
  guest.write32(V.VIRTIO_MMIO_QUEUE_READY, 1);
  expect(guest.read32(V.VIRTIO_MMIO_QUEUE_READY)).toBe(0);
  expect(guest.read32(V.VIRTIO_MMIO_STATUS)).toBe(11 | V.VIRTIO_CONFIG_S_NEEDS_RESET);
  expect(guest.interrupts).toBe(0);
  guest.write32(V.VIRTIO_MMIO_STATUS, 15);
  expect(guest.device.calls).not.toContain("activate");
});

test("MmioTransport stops a device whose driver breaks a ring, says so, and starts again after a reset", () => {
  const guest = newGuest().start();
  guest.queue(0).offerHead(999);
  guest.queue(0).kick();
  expect(guest.read32(V.VIRTIO_MMIO_STATUS)).toBe(15 | V.VIRTIO_CONFIG_S_NEEDS_RESET);
  expect(guest.read32(V.VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(V.VIRTIO_MMIO_INT_CONFIG);
  expect(guest.faults).toEqual([expect.any(VirtioFault)]);
  guest.queue(1).add([text("lost")], [4]);
  guest.queue(1).kick();
  expect(guest.device.served).toBe(0);

  guest.start();
  expect(guest.device.calls).toEqual(["reset", "activate", "reset", "activate"]);
  guest.queue(0).add([text("back")], [4]);
  guest.queue(0).kick();
  expect(Buffer.concat(guest.queue(0).take()!.buffers).toString()).toBe("back");
});

test("MmioTransport ends whatever a device throws", () => {
  const guest = newGuest().start();
  guest.device.nextError = new TypeError("a bug");
  guest.queue(0).add([text("x")], [1]);
  guest.queue(0).kick();
  expect(guest.faults).toEqual([new TypeError("a bug")]);
  expect(guest.transport.isRunning).toBe(false);
});

test("MmioTransport is after a reset as it was at first", () => {
  const guest = newGuest().start();
  guest.transport.configChanged();
  guest.write32(V.VIRTIO_MMIO_QUEUE_SEL, 1);
  guest.write32(V.VIRTIO_MMIO_STATUS, 0);
  const { generation, ...state } = guest.transport.save();
  const { generation: _, ...fresh } = newGuest().transport.save();
  expect(state).toEqual(fresh);
  expect(generation).toBe(1); // a driver that reads the configuration meanwhile still sees that it changed
});

test("InterruptRegisters answers for its two registers, and hands on all else", () => {
  const guest = newGuest().start();
  const bus = new InterruptRegisters(guest.interrupt, guest.transport);
  guest.interrupt.raise(3);
  const data = new Uint8Array(4);
  bus.read(V.VIRTIO_MMIO_INTERRUPT_STATUS, data);
  expect(data).toEqual(Uint8Array.of(3, 0, 0, 0));
  bus.write(V.VIRTIO_MMIO_INTERRUPT_ACK, Uint8Array.of(1, 0, 0, 0));
  expect(guest.interrupt.read()).toBe(2);
  bus.read(V.VIRTIO_MMIO_MAGIC_VALUE, data);
  expect(Buffer.from(data).toString()).toBe("virt");
  bus.write(V.VIRTIO_MMIO_STATUS, new Uint8Array(4));
  expect(guest.transport.status).toBe(0);
});

describe("MmioTransport restore", () => {
  test("goes on in the middle of its work, in another transport on the same memory", () => {
    const guest = newGuest().start();
    guest.queue(0).add([text("one")], [3]);
    guest.queue(0).kick();
    guest.queue(0).add([text("two")], [3]); // not served yet
    guest.transport.configChanged();
    const state = JSON.parse(JSON.stringify(guest.transport.save()));

    const other = new VirtioGuest(new EchoDevice(), {}, guest.memory);
    other.transport.restore(state);
    expect(other.transport.save()).toEqual(state);
    expect(other.read32(V.VIRTIO_MMIO_INTERRUPT_STATUS)).toBe(3);
    other.interrupt.retrigger();
    expect(other.interrupts).toBe(1);
    other.drain(0);
    expect(
      guest
        .queue(0)
        .takeAll()
        .map(({ buffers }) => Buffer.concat(buffers).toString()),
    ).toEqual(["one", "two"]);
    expect((other.device as EchoDevice).served).toBe(2);
  });

  test("refuses state of another version, another device, other features, and broken fields", () => {
    const guest = newGuest().start();
    const good = JSON.parse(JSON.stringify(guest.transport.save()));
    const bad: readonly unknown[] = [
      null,
      { ...good, version: 99 },
      { ...good, deviceId: 2 },
      { ...good, offered: "0x1" },
      { ...good, accepted: "0xffffffffffffffff" },
      { ...good, accepted: 12 },
      { ...good, status: 256 },
      { ...good, queues: [] },
      { ...good, queues: [...good.queues, ...good.queues] },
      { ...good, device: undefined },
      { ...good, interruptStatus: 4 },
      { ...good, queues: [{ ...good.queues[0], size: 3 }, good.queues[1]] },
      { ...good, queues: [{ ...good.queues[0], descHigh: 7 }, good.queues[1]] },
    ];
    for (const state of bad) {
      expect(() => guest.transport.restore(state)).toThrow();
    }
    guest.transport.restore(good);
    expect(guest.transport.isRunning).toBe(true);
  });
});
