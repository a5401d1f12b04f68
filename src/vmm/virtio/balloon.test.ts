import { expect, test } from "bun:test";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import { VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_INT_CONFIG } from "../../kernel/abi/virtio.ts";
import { discardMemory } from "../../kernel/memory/discard.ts";
import { Mapping } from "../../kernel/sys/mapping.ts";
import { BalloonDevice, type BalloonStatistics } from "./balloon.ts";
import { featuresOf } from "./device.ts";

const PAGE = 4096;

function balloon(wanted?: bigint) {
  const discarded: [offset: number, length: number][] = [];
  const statistics: BalloonStatistics[] = [];
  const device = new BalloonDevice({
    discard: (_, offset, length) => discarded.push([offset, length]),
    deflatesOnOom: true,
    onStatistics: (value) => statistics.push(value),
  });
  const guest = new VirtioGuest(device, wanted === undefined ? {} : { wanted }).start();
  return { device, guest, discarded, statistics };
}

const pfns = (...pages: number[]) => new Uint8Array(new Uint32Array(pages).buffer);

test("BalloonDevice asks for pages, and is told how many it has", () => {
  const { device, guest } = balloon();
  device.targetBytes = 10 * PAGE + 1;
  guest.transport.configChanged();
  expect(guest.interrupt.read() & VIRTIO_MMIO_INT_CONFIG).not.toBe(0);
  expect([...guest.readConfig(0, 8)]).toEqual([10, 0, 0, 0, 0, 0, 0, 0]);
  guest.transport.write(VIRTIO_MMIO_CONFIG + 4, Uint8Array.of(7, 0, 0, 0));
  guest.transport.write(VIRTIO_MMIO_CONFIG, Uint8Array.of(99, 0, 0, 0));
  guest.transport.write(VIRTIO_MMIO_CONFIG + 2, Uint8Array.of(9, 9, 9, 9));
  expect([device.actualBytes, device.targetBytes]).toEqual([7 * PAGE, 10 * PAGE]);
});

test("BalloonDevice discards what is put in, pages in a row at once, and nothing that is taken out", () => {
  const { guest, discarded } = balloon();
  guest.queue(0).add([pfns(20, 5, 7, 6, 6), pfns(0x100000, 8)], []);
  guest.queue(0).kick();
  expect(discarded).toEqual([
    [5 * PAGE, 4 * PAGE],
    [20 * PAGE, PAGE],
    [0, PAGE],
  ]);
  guest.queue(1).add([pfns(5)], []);
  guest.queue(1).kick();
  expect(discarded).toHaveLength(3);
  expect([guest.queue(0).take()?.written, guest.queue(1).take()?.written]).toEqual([0, 0]);
});

const BAD_PAGES = [
  ["beyond the memory", pfns(5, 0x400)],
  ["at the end of all addresses", pfns(0xffff_ffff)],
  ["of which one is cut", pfns(1, 2).subarray(0, 7)],
  ["of which there are too many", new Uint8Array(4 * 4097)],
] as const;

test.each(BAD_PAGES)("BalloonDevice stops on page numbers %s", (_, bytes) => {
  const { guest } = balloon();
  guest.queue(0).add([bytes], []);
  guest.queue(0).kick();
  expect(guest.faults).toHaveLength(1);
});

test("BalloonDevice discards pages that are reported free, on the queue that the features make it", () => {
  for (const [wanted, index] of [
    [(1n << 64n) - 1n, 3],
    [featuresOf([32, 5]), 2],
  ] as const) {
    const { guest, discarded } = balloon(wanted);
    guest.queue(index).add([], [2 * PAGE, 100]);
    guest.queue(index).kick();
    expect(discarded.map(([, length]) => length)).toEqual([2 * PAGE, 100]);
    expect(guest.queue(index).take()?.written).toBe(0);
  }
});

test("BalloonDevice asks for statistics with the driver's buffer, and reads what it knows of them", () => {
  const { device, guest, statistics } = balloon();
  const stats = (...list: readonly (readonly [tag: number, value: number])[]) => {
    const view = new DataView(new ArrayBuffer(10 * list.length));
    for (const [i, [tag, value]] of list.entries()) {
      view.setUint16(10 * i, tag, true);
      view.setBigUint64(10 * i + 2, BigInt(value), true);
    }
    return new Uint8Array(view.buffer);
  };
  expect(device.requestStatistics()).toBe(false);
  guest.queue(2).add([stats([4, 1000], [999, 5], [5, 2000]), new Uint8Array(3)], []);
  guest.queue(2).kick();
  expect(statistics).toEqual([{ freeBytes: 1000n, totalBytes: 2000n }]);
  expect(guest.queue(2).take()).toBeUndefined();
  const { interrupts } = guest;
  guest.queue(2).wantInterrupt();
  guest.transport.run(() => device.requestStatistics());
  expect(guest.interrupts).toBe(interrupts + 1);
  expect(guest.queue(2).take()?.written).toBe(0);
  guest.queue(2).add([stats([4, 900])], []);
  guest.queue(2).kick();
  expect(statistics[1]).toEqual({ freeBytes: 900n });
});

test("BalloonDevice keeps the driver's buffer over a snapshot", () => {
  const { device, guest } = balloon();
  device.targetBytes = 3 * PAGE;
  guest.queue(2).add([new Uint8Array(10)], []);
  guest.queue(2).kick();
  const state = JSON.parse(JSON.stringify(guest.transport.save()));
  guest.transport.restore(state);
  guest.transport.drain(2);
  expect(guest.transport.save()).toEqual(state);
  guest.transport.run(() => device.requestStatistics());
  expect(guest.queue(2).take()?.head).toBe(0);
  expect(device.targetBytes).toBe(3 * PAGE);
});

test("discardMemory gives whole pages back, and leaves what is beside them", () => {
  using mapping = new Mapping(64 * PAGE, "a test");
  const bytes = mapping.bytes.fill(9);
  const count = discardMemory(bytes, 100, 10 * PAGE, false);
  expect(count).toBe(9 * PAGE);
  expect(bytes.subarray(100, 100 + 10 * PAGE).filter((byte) => byte === 0)).toHaveLength(count);
  expect(bytes.subarray(0, 100).every((byte) => byte === 9)).toBe(true);
  expect(bytes.subarray(100 + 10 * PAGE).every((byte) => byte === 9)).toBe(true);
  expect(discardMemory(bytes, 1, 10, false)).toBe(0);
  expect(() => discardMemory(bytes, 0, 65 * PAGE, false)).toThrow(RangeError);
});

test("BalloonDevice withstands random rings and registers", () => {
  const device = () => new BalloonDevice({ discard: () => 0, deflatesOnOom: false });
  const { whole, faults } = fuzzChains({
    device,
    rounds: 3000,
    seed: 900,
    fill: (bytes, random) => bytes.fill(random(2)),
  });
  expect(Math.min(whole, faults)).toBeGreaterThan(300);
  fuzzRegisters(device, 5000, 4);
});
