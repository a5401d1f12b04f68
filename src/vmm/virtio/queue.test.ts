import { expect, test } from "bun:test";
import { AVAIL, DESC, Rings, SIZE, USED } from "../../../test/harness/virtio-rings.ts";
import { VRING_DESC_F_WRITE as WRITE } from "../../kernel/abi/virtio.ts";
import { GuestMemoryError } from "../memory/guest-memory.ts";
import { VirtioFault } from "./fault.ts";
import { Virtqueue } from "./queue.ts";

test("Virtqueue pop refuses an available index that is further on than the queue is long", () => {
  const rings = new Rings();
  rings.memory.write16(AVAIL + 2, SIZE + 1);
  expect(() => rings.queue.pop()).toThrow("9 chains are available in a queue of 8");
  rings.memory.write16(AVAIL + 2, 0xffff);
  expect(() => rings.queue.pop()).toThrow(VirtioFault);
});

test("Virtqueue push writes elements and index, wraps with its size and with 2^16", () => {
  const rings = new Rings();
  rings.table(DESC, [[0x5000, 4, WRITE, 0]]);
  for (let i = 1; i <= 0x10004; i++) {
    rings.offer(0);
    rings.queue.push(rings.queue.pop()!, i);
    if (i % 4096 < 2) {
      const at = USED + 4 + 8 * ((i - 1) % SIZE);
      expect(rings.memory.read32(at + 4)).toBe(i);
      expect(rings.memory.read16(USED + 2)).toBe(i & 0xffff);
    }
  }
});

test("Virtqueue push with isSeen false shows a group at once", () => {
  const rings = new Rings();
  rings.table(DESC, [
    [0x5000, 4, WRITE, 0],
    [0x5000, 4, WRITE, 0],
  ]);
  rings.offer(0);
  rings.offer(1);
  rings.queue.push(rings.queue.pop()!, 1, false);
  expect(rings.memory.read16(USED + 2)).toBe(0);
  rings.queue.push(rings.queue.pop()!, 2);
  expect(rings.memory.read16(USED + 2)).toBe(2);
  expect([0, 8].map((at) => rings.memory.read32(USED + 4 + at))).toEqual([0, 1]);
});

test("Virtqueue rewind has chains popped again", () => {
  const rings = new Rings();
  rings.table(DESC, [
    [0x5000, 1, 0, 0],
    [0x5000, 2, 0, 0],
  ]);
  rings.offer(1);
  rings.offer(0);
  expect([rings.queue.pop()!.head, rings.queue.pop()!.head]).toEqual([1, 0]);
  rings.queue.rewind(2);
  expect([rings.queue.pop()!.head, rings.queue.pop()!.head]).toEqual([1, 0]);
});

test("Virtqueue has what was popped and not pushed popped again by who goes on from its state", () => {
  const rings = new Rings();
  rings.table(DESC, [
    [0x5000, 1, 0, 0],
    [0x5000, 2, 0, 0],
    [0x5000, 3, 0, 0],
  ]);
  for (const head of [2, 0, 1]) {
    rings.offer(head);
  }
  rings.queue.push(rings.queue.pop()!, 0);
  expect([rings.queue.pop()!.head, rings.queue.pop()!.head]).toEqual([0, 1]);
  const state = rings.queue.save();
  rings.queue.rewind(2);
  expect(rings.queue.save()).toEqual(state);
  rings.queue.restore(state, { hasEventIndex: false, hasIndirect: false });
  expect([rings.queue.pop()!.head, rings.queue.pop()!.head]).toEqual([0, 1]);
});

test("Virtqueue takeInterrupt follows the driver's flag, and asks once for what was pushed", () => {
  const rings = new Rings();
  rings.table(DESC, [[0x5000, 1, 0, 0]]);
  const one = () => {
    rings.offer(0);
    rings.queue.push(rings.queue.pop()!, 0);
  };
  expect(rings.queue.takeInterrupt()).toBe(false);
  one();
  expect([rings.queue.takeInterrupt(), rings.queue.takeInterrupt()]).toEqual([true, false]);
  rings.memory.write16(AVAIL, 1);
  one();
  expect(rings.queue.takeInterrupt()).toBe(false);
});

test("Virtqueue takeInterrupt with an event index interrupts when the driver's event is passed, over the wrap too", () => {
  const rings = new Rings(true);
  rings.table(DESC, [[0x5000, 1, 0, 0]]);
  const pushed = (count: number) => {
    for (let i = 0; i < count; i++) {
      rings.offer(0);
      rings.queue.push(rings.queue.pop()!, 0);
    }
  };
  const want = (event: number) => rings.memory.write16(AVAIL + 4 + 2 * SIZE, event);
  want(2);
  pushed(2);
  expect(rings.queue.takeInterrupt()).toBe(false);
  pushed(1);
  expect(rings.queue.takeInterrupt()).toBe(true);
  pushed(5);
  expect(rings.queue.takeInterrupt()).toBe(false);
  for (let i = 8; i < 0xfffc; i += 4) {
    pushed(4);
    rings.queue.takeInterrupt();
  }
  want(1);
  pushed(4);
  expect(rings.queue.takeInterrupt()).toBe(false);
  pushed(2);
  expect(rings.queue.takeInterrupt()).toBe(true);
});

test("Virtqueue arm asks for notifications, and tells of what came in between", () => {
  for (const hasEventIndex of [false, true]) {
    const rings = new Rings(hasEventIndex);
    rings.table(DESC, [[0x5000, 1, 0, 0]]);
    const event = () => rings.memory.read16(USED + 4 + 8 * SIZE);
    rings.queue.disarm();
    expect(rings.memory.read16(USED)).toBe(hasEventIndex ? 0 : 1);
    rings.offer(0);
    rings.queue.pop();
    rings.queue.pop();
    expect(rings.queue.arm()).toBe(false);
    expect(rings.memory.read16(USED)).toBe(0);
    expect(event()).toBe(hasEventIndex ? 1 : 0);
    rings.offer(0);
    expect(rings.queue.arm()).toBe(true);
  }
});

test("Virtqueue consume stops at its bound, and where a chain can't be taken", () => {
  const rings = new Rings();
  rings.table(DESC, [[0x5000, 1, 0, 0]]);
  // A driver that makes more available as fast as it is taken.
  let seen = 0;
  rings.offer(0);
  const isMore = rings.queue.consume((chain) => {
    seen += 1;
    rings.queue.push(chain, 0);
    rings.offer(0);
    return true;
  });
  expect([isMore, seen]).toEqual([true, SIZE]);
  const refused: number[] = [];
  expect(
    rings.queue.consume((chain) => {
      refused.push(chain.head);
      return false;
    }),
  ).toBe(false);
  expect(refused).toHaveLength(1);
  expect(rings.queue.pop()?.head).toBe(0);
});

test("Virtqueue consume takes what came after its last look, of which no notification tells", () => {
  for (const hasEventIndex of [false, true]) {
    const rings = new Rings(hasEventIndex);
    rings.table(DESC, [[0x5000, 1, 0, 0]]);
    rings.offer(0);
    const arm = rings.queue.arm.bind(rings.queue);
    let late = 2;
    rings.queue.arm = () => {
      late -= 1;
      if (late >= 0) {
        rings.offer(0);
      }
      return arm();
    };
    let seen = 0;
    rings.queue.consume((chain) => {
      seen += 1;
      rings.queue.push(chain, 0);
      return true;
    });
    expect(seen).toBe(3);
  }
});

const BAD_SIZES = [0, 3, 7, 16, 0x8000, 0xffff, 0x1_0000, 0xffff_ffff];

test.each(BAD_SIZES)("Virtqueue enable refuses a size of %p where 8 is the most", (size) => {
  const { queue } = new Rings();
  queue.size = size;
  expect(() => queue.enable({ hasEventIndex: false, hasIndirect: false })).toThrow(VirtioFault);
});

test("Virtqueue enable refuses rings that are not aligned, or not in memory", () => {
  const features = { hasEventIndex: false, hasIndirect: false };
  for (const wrong of [{ descLow: DESC + 8 }, { availLow: AVAIL + 1 }, { usedLow: USED + 2 }]) {
    const { queue } = new Rings();
    Object.assign(queue.addresses, wrong);
    expect(() => queue.enable(features)).toThrow(/is not aligned/);
  }
  for (const wrong of [
    { descLow: 0x20000 },
    { descLow: 0x20000 - 112 },
    { availHigh: 2 },
    { usedHigh: 0xffff_ffff },
    { usedHigh: 1, usedLow: 0x1000 - 64 },
  ]) {
    const { queue } = new Rings();
    Object.assign(queue.addresses, wrong);
    expect(() => queue.enable(features)).toThrow(GuestMemoryError);
  }
});

test("Virtqueue goes on after save and restore where it was", () => {
  const rings = new Rings(true);
  rings.table(DESC, [
    [0x5000, 1, 0, 0],
    [0x5000, 2, 0, 0],
  ]);
  rings.offer(0);
  rings.queue.push(rings.queue.pop()!, 0);
  rings.offer(1);
  const state = JSON.parse(JSON.stringify(rings.queue.save()));
  const restored = new Virtqueue(rings.memory, SIZE);
  restored.restore(state, { hasEventIndex: true, hasIndirect: true });
  expect(restored.isReady).toBe(true);
  const chain = restored.pop()!;
  expect(chain.head).toBe(1);
  restored.push(chain, 5);
  expect(rings.memory.read16(USED + 2)).toBe(2);
  expect(restored.save()).toEqual({ ...state, nextAvailable: 2, nextUsed: 2 });
});

test("Virtqueue restore refuses state of another version, and numbers that can't be", () => {
  const { queue } = new Rings();
  const features = { hasEventIndex: false, hasIndirect: false };
  const good = queue.save();
  for (const bad of [
    undefined,
    [],
    { ...good, version: 2 },
    { ...good, nextUsed: 0x1_0000 },
    { ...good, size: -1 },
    { ...good, descLow: 1.5 },
    { ...good, isReady: 1 },
  ]) {
    expect(() => queue.restore(bad, features)).toThrow(/snapshot/);
  }
});
