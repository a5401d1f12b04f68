import { expect, test } from "bun:test";
import { Bus, type BusDevice } from "./bus.ts";

class Recorder implements BusDevice {
  readonly seen: string[] = [];

  read(offset: number, data: Uint8Array): void {
    this.seen.push(`read ${offset} ${data.length}`);
    data.fill(0x42);
  }

  write(offset: number, data: Uint8Array): void {
    this.seen.push(`write ${offset} ${data.length}`);
  }
}

test("Bus finds the device of an address among many, first and last byte included", () => {
  const bus = new Bus("mmio");
  const devices = [5, 0, 3, 1, 4].map((at) => {
    const device = new Recorder();
    bus.add(0x1000 + at * 0x200, 0x200, device);
    return { at, device };
  });
  for (const { at, device } of devices) {
    const data = new Uint8Array(4);
    expect(bus.read(0x1000 + at * 0x200, data)).toBe(true);
    expect(data).toEqual(new Uint8Array(4).fill(0x42));
    expect(bus.write(0x11ff + at * 0x200, data.subarray(0, 1))).toBe(true);
    expect(device.seen).toEqual(["read 0 4", "write 511 1"]);
  }
});

test("Bus reads ones and loses writes where no window holds the whole access", () => {
  const bus = new Bus("pio");
  const device = new Recorder();
  bus.add(0x3f8, 8, device);
  for (const [address, length] of [
    [0x3f7, 1],
    [0x3f7, 2],
    [0x400, 1],
    [0x3fe, 4],
    [0, 8],
    [2 ** 52, 4],
  ] as const) {
    const data = new Uint8Array(length);
    expect(bus.read(address, data)).toBe(false);
    expect(data).toEqual(new Uint8Array(length).fill(0xff));
    expect(bus.write(address, data)).toBe(false);
  }
  expect(device.seen).toEqual([]);
});

test("Bus refuses windows that overlap by a byte, are empty, or lie beyond 2^52", () => {
  const bus = new Bus("mmio");
  bus.add(0x1000, 0x1000, new Recorder());
  for (const [start, length] of [
    [0x1fff, 1],
    [0xfff, 2],
    [0, 0x10000],
    [0x1200, 8],
    [0x1000, 0x1000],
  ] as const) {
    expect(() => bus.add(start, length, new Recorder())).toThrow(/mmio: the window .* overlaps/);
  }
  expect(() => bus.add(0x5000, 0, new Recorder())).toThrow(RangeError);
  expect(() => bus.add(-1, 1, new Recorder())).toThrow(RangeError);
  expect(() => bus.add(2 ** 52, 1, new Recorder())).toThrow(RangeError);
  bus.add(0x2000, 1, new Recorder());
  bus.add(0, 0x1000, new Recorder());
});
