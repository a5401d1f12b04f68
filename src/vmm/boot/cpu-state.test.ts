import { describe, expect, test } from "bun:test";
import { guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { linux64State, pvhState } from "./cpu-state.ts";
import { segmentOf } from "./segments.ts";

/** What the page tables make of an address, walked as the CPU does it; nothing where it faults. */
function translated(memory: GuestMemory, cr3: bigint, address: number): number | undefined {
  let table = Number(cr3);
  for (const shift of [39, 30, 21]) {
    const index = Math.floor(address / 2 ** shift) % 512;
    const entry = memory.read64(table + index * 8);
    if ((entry & 1n) === 0n) {
      return undefined;
    }
    if ((entry & 0x80n) !== 0n) {
      return Number(entry & ~0xfffn) + (address % 2 ** shift);
    }
    table = Number(entry & ~0xfffn);
  }
  return undefined;
}

describe("linux64State", () => {
  const memory = guestMemory(16 * MIB);
  const { regs, sregs } = linux64State(memory, 0x100_0200, 0x7000);

  test("starts at the entry, with the zero page in RSI and interrupts off", () => {
    expect(regs).toMatchObject({ rip: 0x100_0200n, rsi: 0x7000n, rflags: 2n });
  });

  test("is in long mode with paging", () => {
    expect(sregs).toMatchObject({ cr0: 0x8000_0011n, cr4: 0x20n, efer: 0x500n });
  });

  test("has the selectors of the boot protocol, for a 64-bit code segment and flat data", () => {
    expect(sregs.cs).toMatchObject({ selector: 0x10, type: 0xb, l: 1, db: 0, s: 1, present: 1 });
    for (const segment of [sregs.ds, sregs.es, sregs.ss]) {
      expect(segment).toMatchObject({
        selector: 0x18,
        type: 3,
        s: 1,
        limit: 0xffff_ffff,
        base: 0n,
      });
    }
    expect(sregs.tr).toMatchObject({ selector: 0x20, type: 0xb, s: 0, limit: 0x67 });
  });

  test("has segments that are those of the table in memory, so that loading them again is no fault", () => {
    expect(sregs.gdt.limit).toBe(39);
    for (const segment of [sregs.cs, sregs.ds, sregs.tr]) {
      const entry = memory.read64(Number(sregs.gdt.base) + segment.selector);
      expect(segmentOf(entry, segment.selector / 8)).toEqual(segment);
    }
  });

  test("maps the first 4 GiB one to one, and nothing else", () => {
    for (const address of [0, 0x7123, 0x100_0200, 2 ** 30, 0xd000_0abc, 2 ** 32 - 1]) {
      expect(translated(memory, sregs.cr3, address)).toBe(address);
    }
    expect(translated(memory, sregs.cr3, 2 ** 32)).toBeUndefined();
    expect(translated(memory, sregs.cr3, 2 ** 39)).toBeUndefined();
  });
});

test("pvhState starts in flat 32-bit protected mode without paging, the start info in EBX", () => {
  const { regs, sregs } = pvhState(guestMemory(16 * MIB), 0x100_0850, 0x6000);
  expect(regs).toMatchObject({ rip: 0x100_0850n, rbx: 0x6000n, rflags: 2n });
  expect(sregs).toMatchObject({ cr0: 0x11n, cr4: 0n, efer: 0n });
  expect(sregs.cs).toMatchObject({ base: 0n, limit: 0xffff_ffff, type: 0xb, db: 1, l: 0, g: 1 });
  expect(sregs.ds).toMatchObject({ base: 0n, limit: 0xffff_ffff, type: 3, db: 1 });
  expect(sregs.tr).toMatchObject({ base: 0n, limit: 0x67, type: 0xb });
});

test("segmentOf reads a descriptor whose base and limit are spread over it", () => {
  expect(segmentOf(0x1240_f234_5678_9abcn, 3)).toMatchObject({
    base: 0x1234_5678n,
    limit: 0x0_9abc,
    selector: 24,
    type: 2,
    dpl: 3,
    present: 1,
    unusable: 0,
    g: 0,
    db: 1,
  });
  expect(segmentOf(0n, 0)).toMatchObject({ present: 0, unusable: 1 });
});
