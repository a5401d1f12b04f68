import { expect, test } from "bun:test";
import {
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
} from "../../kernel/abi/virtio.ts";
import { GuestMemory, GuestMemoryError } from "../memory/guest-memory.ts";
import { VirtioFault } from "./fault.ts";
import { MAX_CHAIN_DESCRIPTORS, Virtqueue } from "./queue.ts";

const SIZE = 8;
const DESC = 0x1000;
const AVAIL = 0x2000;
const USED = 0x3000;
const TABLE = 0x8000;
const [NEXT, WRITE, INDIRECT] = [VRING_DESC_F_NEXT, VRING_DESC_F_WRITE, VRING_DESC_F_INDIRECT];

type Raw = readonly [address: number | bigint, length: number, flags: number, next: number];

class Rings {
  readonly memory = new GuestMemory([
    { start: 0, bytes: new Uint8Array(0x20000) },
    { start: 2 ** 32, bytes: new Uint8Array(0x1000) },
  ]);
  readonly queue = new Virtqueue(this.memory, SIZE);
  #available = 0;

  constructor(hasEventIndex = false, hasIndirect = true) {
    Object.assign(this.queue.addresses, { descLow: DESC, availLow: AVAIL, usedLow: USED });
    this.queue.enable({ hasEventIndex, hasIndirect });
  }

  table(at: number, descriptors: readonly Raw[]): void {
    for (const [i, [address, length, flags, next]] of descriptors.entries()) {
      this.memory.write64(at + 16 * i, BigInt(address));
      this.memory.write32(at + 16 * i + 8, length);
      this.memory.write16(at + 16 * i + 12, flags);
      this.memory.write16(at + 16 * i + 14, next);
    }
  }

  offer(head: number): void {
    this.memory.write16(AVAIL + 4 + 2 * (this.#available % SIZE), head);
    this.#available = (this.#available + 1) & 0xffff;
    this.memory.write16(AVAIL + 2, this.#available);
  }
}

function lengths(rings: Rings): { readable: number[]; writable: number[] } {
  const chain = rings.queue.pop()!;
  return {
    readable: chain.readable.map(({ length }) => length),
    writable: chain.writable.map(({ length }) => length),
  };
}

test("Virtqueue pop follows a chain, in both regions, and pops nothing else", () => {
  const rings = new Rings();
  rings.table(DESC, [
    [0x5000, 16, NEXT, 3],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [2n ** 32n, 100, NEXT | WRITE, 1],
  ]);
  rings.table(DESC + 16, [[0x6000, 1, WRITE, 0]]);
  expect(rings.queue.pop()).toBeUndefined();
  rings.offer(0);
  const chain = rings.queue.pop()!;
  expect(chain.head).toBe(0);
  expect(chain.readable.map(({ offset, length }) => [offset, length])).toEqual([[0x5000, 16]]);
  expect(chain.writable.map(({ region, offset }) => [region.start, offset])).toEqual([
    [2 ** 32, 0],
    [0, 0x6000],
  ]);
  expect(rings.queue.pop()).toBeUndefined();
});

test("Virtqueue pop takes an indirect table, also at the end of direct descriptors, and ignores its own write flag", () => {
  const rings = new Rings();
  rings.table(TABLE, [
    [0x5000, 2, NEXT, 2],
    [0x5000, 99, 0, 0],
    [0x5000, 3, WRITE, 0],
  ]);
  rings.table(DESC, [
    [TABLE, 48, INDIRECT | WRITE, 0],
    [0x5000, 1, NEXT, 0],
  ]);
  rings.offer(0);
  expect(lengths(rings)).toEqual({ readable: [2], writable: [3] });
  rings.offer(1);
  expect(lengths(rings)).toEqual({ readable: [1, 2], writable: [3] });
});

test("Virtqueue pop takes an indirect chain that is longer than the queue", () => {
  const rings = new Rings();
  const count = MAX_CHAIN_DESCRIPTORS;
  rings.table(
    TABLE,
    Array.from({ length: count }, (_, i) => [0x5000, 4, i + 1 < count ? NEXT : 0, i + 1] as const),
  );
  rings.table(DESC, [[TABLE, 16 * count, INDIRECT, 0]]);
  rings.offer(0);
  expect(rings.queue.pop()!.readable).toHaveLength(count);
});

const HOSTILE: readonly (readonly [
  name: string,
  head: number,
  table: readonly Raw[],
  indirect?: readonly Raw[],
])[] = [
  ["a head beyond the table", SIZE, []],
  ["a head of 65,535", 0xffff, []],
  ["a chain that loops to itself", 0, [[0x5000, 1, NEXT, 0]]],
  [
    "a loop of two",
    1,
    [
      [0x5000, 1, NEXT, 1],
      [0x5000, 1, NEXT, 0],
    ],
  ],
  ["a next beyond the table", 0, [[0x5000, 1, NEXT, SIZE]]],
  ["no bytes", 0, [[0x5000, 0, 0, 0]]],
  [
    "a readable descriptor after a writable one",
    0,
    [
      [0x5000, 1, NEXT | WRITE, 1],
      [0x5000, 1, 0, 0],
    ],
  ],
  ["an address in no region", 0, [[0x20000, 1, 0, 0]]],
  ["a buffer that reaches out of its region", 0, [[0x1ffff, 2, 0, 0]]],
  ["an address of 2^64 - 1", 0, [[2n ** 64n - 1n, 16, 0, 0]]],
  ["an address and length whose sum wraps", 0, [[2n ** 64n - 0x1000n, 0xffff_ffff, WRITE, 0]]],
  ["a length of 4 GiB", 0, [[0, 0xffff_ffff, WRITE, 0]]],
  ["an indirect descriptor with a next", 0, [[TABLE, 16, INDIRECT | NEXT, 0]], [[0x5000, 1, 0, 0]]],
  ["an empty indirect table", 0, [[TABLE, 0, INDIRECT, 0]]],
  ["an indirect table of 17 bytes", 0, [[TABLE, 17, INDIRECT, 0]], [[0x5000, 1, 0, 0]]],
  [
    "an indirect table in an indirect table",
    0,
    [[TABLE, 16, INDIRECT, 0]],
    [[TABLE, 16, INDIRECT, 0]],
  ],
  ["an indirect table in no memory", 0, [[0x20000, 16, INDIRECT, 0]]],
  ["an indirect table of 4 GiB", 0, [[TABLE, 0xffff_fff0, INDIRECT, 0]]],
  ["a next beyond the indirect table", 0, [[TABLE, 16, INDIRECT, 0]], [[0x5000, 1, NEXT, 1]]],
  ["an indirect chain that loops", 0, [[TABLE, 16, INDIRECT, 0]], [[0x5000, 1, NEXT, 0]]],
];

test.each(HOSTILE)("Virtqueue pop refuses %s", (_, head, table, indirect = []) => {
  const rings = new Rings();
  rings.table(DESC, table);
  rings.table(TABLE, indirect);
  rings.offer(head);
  let thrown: unknown;
  try {
    rings.queue.pop();
  } catch (error) {
    thrown = error;
  }
  const isExpected = thrown instanceof VirtioFault || thrown instanceof GuestMemoryError;
  expect([isExpected, String(thrown)]).toEqual([true, expect.any(String)]);
});

test("Virtqueue pop refuses indirect tables where they were not negotiated", () => {
  const rings = new Rings(false, false);
  rings.table(TABLE, [[0x5000, 1, 0, 0]]);
  rings.table(DESC, [[TABLE, 16, INDIRECT, 0]]);
  rings.offer(0);
  expect(() => rings.queue.pop()).toThrow(VirtioFault);
});

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
