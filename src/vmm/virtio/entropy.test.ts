import { expect, test } from "bun:test";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import { EntropyDevice, MAX_ENTROPY_BYTES } from "./entropy.ts";

test("EntropyDevice fills what the driver hands over, every time with other bytes", () => {
  const guest = new VirtioGuest(new EntropyDevice()).start();
  const seen = new Set<string>();
  for (let i = 0; i < 50; i++) {
    guest.queue(0).add([], [16, 48]);
    guest.queue(0).kick();
    const { written, buffers } = guest.queue(0).take()!;
    expect(written).toBe(64);
    seen.add(Buffer.concat(buffers).toString("hex"));
  }
  expect(seen.size).toBe(50);
  expect([...seen].some((hex) => hex.endsWith("0".repeat(16)))).toBe(false);
});

test("EntropyDevice writes no more than its bound, and nothing without a buffer", () => {
  const guest = new VirtioGuest(new EntropyDevice()).start();
  guest.queue(0).add([], [MAX_ENTROPY_BYTES - 1, 100, 100]);
  guest.queue(0).add([new Uint8Array(8)], []);
  guest.queue(0).kick();
  const [long, none] = guest.queue(0).takeAll();
  expect(long?.written).toBe(MAX_ENTROPY_BYTES);
  expect(long?.buffers[1]?.subarray(1).every((byte) => byte === 0)).toBe(true);
  expect(none?.written).toBe(0);
  expect(guest.faults).toEqual([]);
});

test("EntropyDevice withstands random rings and registers", () => {
  const device = () => new EntropyDevice();
  const { whole, faults } = fuzzChains({ device, rounds: 3000, seed: 500 });
  expect(Math.min(whole, faults)).toBeGreaterThan(300);
  fuzzRegisters(device, 5000, 3);
});
