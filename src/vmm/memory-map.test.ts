import { describe, expect, test } from "bun:test";
import { IDENTITY_MAP_ADDRESS, TSS_ADDRESS } from "../kernel/kvm/x86-64/platform.ts";
import {
  ABOVE_4G_ADDRESS,
  ACPI_ADDRESS,
  ACPI_MAX_BYTES,
  BOOT_STACK_ADDRESS,
  COMMAND_LINE_ADDRESS,
  E820_ACPI,
  E820_RAM,
  E820_RESERVED,
  e820Map,
  GDT_ADDRESS,
  HIGH_MEMORY_ADDRESS,
  IOAPIC_ADDRESS,
  LAPIC_ADDRESS,
  LOW_MEMORY_END,
  MAX_MEMORY_BYTES,
  MIN_MEMORY_BYTES,
  MMIO_HOLE_ADDRESS,
  memoryRanges,
  PAGE_TABLES_ADDRESS,
  POWER_BUTTON_GSI,
  PVH_MEMORY_MAP_ADDRESS,
  PVH_MODULES_ADDRESS,
  PVH_START_INFO_ADDRESS,
  RESET_VECTOR_ADDRESS,
  SERIAL_GSI,
  VIRTIO_MMIO_MAX_DEVICES,
  virtioSlot,
  ZERO_PAGE_ADDRESS,
} from "./memory-map.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

describe("memoryRanges", () => {
  test("puts memory of up to 3 GiB into one range", () => {
    expect(memoryRanges(512 * MIB)).toEqual([{ start: 0, length: 512 * MIB }]);
    expect(memoryRanges(3 * GIB)).toEqual([{ start: 0, length: 3 * GIB }]);
  });

  test("goes on behind the hole, in ranges that end at multiples of 4 GiB", () => {
    expect(memoryRanges(3 * GIB + 4096)).toEqual([
      { start: 0, length: 3 * GIB },
      { start: 4 * GIB, length: 4096 },
    ]);
    expect(memoryRanges(12 * GIB)).toEqual([
      { start: 0, length: 3 * GIB },
      { start: 4 * GIB, length: 4 * GIB },
      { start: 8 * GIB, length: 4 * GIB },
      { start: 12 * GIB, length: GIB },
    ]);
  });

  test("loses no byte of any size, and stays within 40 bits", () => {
    for (const bytes of [MIN_MEMORY_BYTES, 3 * GIB - 4096, 7 * GIB, 100 * GIB, MAX_MEMORY_BYTES]) {
      const ranges = memoryRanges(bytes);
      expect(ranges.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
      const last = ranges.at(-1)!;
      expect(last.start + last.length).toBeLessThanOrEqual(2 ** 40);
    }
  });

  test.each([0, -4096, 4096, MIN_MEMORY_BYTES + 1, 0.5, Number.NaN, MAX_MEMORY_BYTES + 4096])(
    "refuses %p bytes",
    (bytes) => {
      expect(() => memoryRanges(bytes)).toThrow(`lay out ${bytes} bytes of memory`);
    },
  );
});

describe("e820Map", () => {
  test("names all memory, and below 1 MiB what is reserved, and the tables", () => {
    expect(e820Map(memoryRanges(5 * GIB))).toEqual([
      { start: 0, length: LOW_MEMORY_END, type: E820_RAM },
      { start: LOW_MEMORY_END, length: ACPI_ADDRESS - LOW_MEMORY_END, type: E820_RESERVED },
      { start: ACPI_ADDRESS, length: ACPI_MAX_BYTES, type: E820_ACPI },
      { start: 0xf_0000, length: 0x1_0000, type: E820_RESERVED },
      { start: MIB, length: 3 * GIB - MIB, type: E820_RAM },
      { start: 4 * GIB, length: 2 * GIB, type: E820_RAM },
    ]);
  });

  test("joins the ranges above 4 GiB to one entry", () => {
    expect(e820Map(memoryRanges(64 * GIB)).at(-1)).toEqual({
      start: 4 * GIB,
      length: 61 * GIB,
      type: E820_RAM,
    });
  });
});

describe("virtioSlot", () => {
  const slots = Array.from({ length: VIRTIO_MMIO_MAX_DEVICES }, (_, index) => virtioSlot(index));

  test("gives each device an interrupt of its own, which no other device of the machine has", () => {
    const gsis = slots.map(({ gsi }) => gsi);
    expect(new Set(gsis).size).toBe(VIRTIO_MMIO_MAX_DEVICES);
    expect(gsis).not.toContain(SERIAL_GSI);
    expect(gsis).not.toContain(POWER_BUTTON_GSI);
    // 8 is the RTC's on every PC, and 24 pins are all that the IOAPIC has.
    expect(gsis.filter((gsi) => gsi <= 5 || gsi === 8 || gsi > 23)).toEqual([]);
  });

  test("gives each device a window in the hole, apart from the others and from the APICs", () => {
    for (const [index, { address, bytes }] of slots.entries()) {
      expect(address).toBeGreaterThanOrEqual(MMIO_HOLE_ADDRESS);
      expect(address + bytes).toBeLessThanOrEqual(slots[index + 1]?.address ?? IOAPIC_ADDRESS);
    }
  });

  test.each([-1, 0.5, VIRTIO_MMIO_MAX_DEVICES, 65_535])("has no place of number %p", (index) => {
    expect(() => virtioSlot(index)).toThrow(`place virtio device ${index}`);
  });
});

test("what the guest boots from lies one after the other, and below what it is told is free", () => {
  const places = [
    [GDT_ADDRESS, 5 * 8],
    [PVH_START_INFO_ADDRESS, 56],
    [PVH_MODULES_ADDRESS, 32],
    [PVH_MEMORY_MAP_ADDRESS, 24 * 8],
    [PAGE_TABLES_ADDRESS, 6 * 4096],
    [COMMAND_LINE_ADDRESS, 2048],
    [LOW_MEMORY_END, ACPI_ADDRESS - LOW_MEMORY_END],
    [ACPI_ADDRESS, ACPI_MAX_BYTES],
    [RESET_VECTOR_ADDRESS, 16],
    [HIGH_MEMORY_ADDRESS, MIN_MEMORY_BYTES - HIGH_MEMORY_ADDRESS],
    [MMIO_HOLE_ADDRESS, 4096],
    [IOAPIC_ADDRESS, 4096],
    [LAPIC_ADDRESS, 4096],
    [IDENTITY_MAP_ADDRESS, 4096],
    [TSS_ADDRESS, 3 * 4096],
    [ABOVE_4G_ADDRESS, 4096],
  ] as const;
  for (const [index, [start, length]] of places.entries()) {
    expect(start + length).toBeLessThanOrEqual(places[index + 1]?.[0] ?? Number.POSITIVE_INFINITY);
  }
  expect(ZERO_PAGE_ADDRESS + 4096).toBeLessThanOrEqual(BOOT_STACK_ADDRESS);
  expect(BOOT_STACK_ADDRESS).toBeLessThanOrEqual(PAGE_TABLES_ADDRESS);
});
