import { expect, test } from "bun:test";
import {
  DESC,
  type RawDescriptor,
  Rings,
  SIZE,
  TABLE,
} from "../../../test/harness/virtio-rings.ts";
import {
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
} from "../../kernel/abi/virtio.ts";
import { GuestMemoryError } from "../memory/guest-memory.ts";
import { MAX_CHAIN_DESCRIPTORS } from "./chain.ts";
import { VirtioFault } from "./fault.ts";

const [NEXT, WRITE, INDIRECT] = [VRING_DESC_F_NEXT, VRING_DESC_F_WRITE, VRING_DESC_F_INDIRECT];

function lengths(rings: Rings): { readable: number[]; writable: number[] } {
  const chain = rings.queue.pop()!;
  return {
    readable: chain.readable.map(({ length }) => length),
    writable: chain.writable.map(({ length }) => length),
  };
}

test("readChain follows a chain, in both regions, and pops nothing else", () => {
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

test("readChain takes an indirect table, also at the end of direct descriptors, and ignores its own write flag", () => {
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

test("readChain takes an indirect chain that is longer than the queue", () => {
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
  table: readonly RawDescriptor[],
  indirect?: readonly RawDescriptor[],
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

test.each(HOSTILE)("readChain refuses %s", (_, head, table, indirect = []) => {
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

test("readChain refuses indirect tables where they were not negotiated", () => {
  const rings = new Rings(false, false);
  rings.table(TABLE, [[0x5000, 1, 0, 0]]);
  rings.table(DESC, [[TABLE, 16, INDIRECT, 0]]);
  rings.offer(0);
  expect(() => rings.queue.pop()).toThrow(VirtioFault);
});
