/** Hostile drivers against the queue and the transport alone, and well-behaved ones with random sizes. */
import { expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { EchoDevice } from "../../../test/harness/virtio-echo.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";

test("random descriptor tables end in chains that come back, or in a stopped device, and touch nothing else", () => {
  const device = () => new EchoDevice();
  const { whole, faults, used } = fuzzChains({ device, rounds: 6000, seed: 1 });
  // The inputs are to reach both ends, or they test nothing.
  expect(whole).toBeGreaterThan(500);
  expect(faults).toBeGreaterThan(500);
  expect(used).toBeGreaterThan(5000);
});

test("random register writes throw nothing, and leave a device that can be started", () => {
  const device = () => new EchoDevice();
  const counts = Array.from({ length: 20 }, (_, seed) => fuzzRegisters(device, 5000, seed));
  const sum = (of: "runs" | "faults") => counts.reduce((total, count) => total + count[of], 0);
  expect(sum("runs")).toBeGreaterThan(10_000);
  expect(sum("faults")).toBeGreaterThan(10);
});

test("a driver and a device that keep the rules lose nothing, whatever the sizes, features and order", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomFrom(seed);
    const wanted = (1n << 64n) - 1n - (BigInt(random(4)) << 28n);
    const guest = new VirtioGuest(new EchoDevice(), { wanted, queueSize: 1 << random(5) }).start();
    const sent = new Map<number, Uint8Array>();
    const start = guest.mark();
    const index = random(2);
    const queue = guest.queue(index);
    let [added, returned] = [0, 0];
    for (let step = 0; step < 400; step++) {
      const parts = Array.from({ length: 1 + random(3) }, () => {
        return new Uint8Array(1 + random(200)).map(() => random(256));
      });
      const hasIndirect = ((guest.accepted >> 28n) & 1n) === 1n;
      const isIndirect = hasIndirect && random(2) === 0;
      if (queue.freeDescriptors >= (isIndirect ? 1 : parts.length + 2)) {
        const bytes = Buffer.concat(parts);
        const cut = random(bytes.length);
        const lengths = cut === 0 ? [bytes.length] : [cut, bytes.length - cut];
        sent.set(queue.add(parts, lengths, isIndirect), bytes);
        added += 1;
      }
      if (random(3) === 0) {
        queue.wantInterrupt(random(2));
        queue.kick();
      }
      if (random(2) === 0 || queue.freeDescriptors < 5) {
        queue.kick();
        for (const { head, written, buffers } of queue.takeAll()) {
          expect(Buffer.concat(buffers).subarray(0, written)).toEqual(Buffer.from(sent.get(head)!));
          returned += 1;
        }
        if (queue.inFlight === 0) {
          guest.release(start);
        }
      }
    }
    queue.kick();
    expect(returned + queue.takeAll().length).toBe(added);
    expect([guest.faults, queue.inFlight]).toEqual([[], 0]);
  }
});

test("a buffer may lie in several regions, where one begins at the end of the other", () => {
  const regions = [0, 1, 2].map((i) => ({ start: i * 0x4000, bytes: new Uint8Array(0x4000) }));
  const memory = new GuestMemory(regions);
  const options = { regionBytes: 0x4000, isOneRegion: true };
  const guest = new VirtioGuest(new EchoDevice(), options, memory).start();
  const queue = guest.queue(0);
  const text = new TextEncoder().encode("in front of the end");
  regions[0]!.bytes.set(text.subarray(0, 8), 0x4000 - 8);
  regions[1]!.bytes.set(text.subarray(8));
  queue.writeRaw(queue.descriptors, 0, 0x4000 - 8, text.length, 1, 1);
  queue.writeRaw(queue.descriptors, 1, 0x8000 - 4, text.length, 2, 0);
  queue.offerHead(0);
  queue.kick();
  expect(guest.faults).toEqual([]);
  expect(regions[1]!.bytes.subarray(-4)).toEqual(text.subarray(0, 4));
  expect(regions[2]!.bytes.subarray(0, text.length - 4)).toEqual(text.subarray(4));
  // And not beyond the last one.
  queue.writeRaw(queue.descriptors, 0, 0xc000 - 8, text.length, 1, 1);
  queue.offerHead(0);
  queue.kick();
  expect(guest.faults).toHaveLength(1);
});
