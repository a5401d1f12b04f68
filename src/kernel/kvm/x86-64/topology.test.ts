import { describe, expect, test } from "bun:test";
import type { CpuidEntry } from "./cpuid.ts";
import { guestCpuid, type Topology } from "./topology.ts";

const INTEL = { ebx: 0x756e_6547, edx: 0x4965_6e69, ecx: 0x6c65_746e };
const AMD = { ebx: 0x6874_7541, edx: 0x6974_6e65, ecx: 0x444d_4163 };

function leaf(fn: number, values: Partial<CpuidEntry> = {}): CpuidEntry {
  return { function: fn, index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0, ...values };
}

/** The host's own values stand in every field that has to change. */
function offered(vendor: Partial<CpuidEntry>): CpuidEntry[] {
  return [
    leaf(0, { eax: 0x1f, ...vendor }),
    leaf(1, { ebx: 0x7720_0800, ecx: 1 << 5, edx: 1 << 28 }),
    leaf(4, { index: 0, flags: 1, eax: 0xfc00_4121 }),
    leaf(4, { index: 2, flags: 1, eax: 0xfc00_4143 }),
    leaf(4, { index: 3, flags: 1, eax: 0xfc0f_c163 }),
    leaf(4, { index: 4, flags: 1 }),
    leaf(7, { ebx: 0x1234 }),
    leaf(0xb, { index: 0, flags: 1, eax: 9, ebx: 64, ecx: 0x100, edx: 55 }),
    leaf(0x1f, { index: 5, flags: 1, eax: 9 }),
    leaf(0x8000_0001, { ecx: 0x6 }),
    leaf(0x8000_0008, { eax: 0x3030, ecx: 0x1_703f }),
    leaf(0x8000_001d, { index: 3, flags: 1, eax: 0x3f_c163 }),
    leaf(0x8000_001e, { eax: 55, ebx: 0x109, ecx: 0x301 }),
    leaf(0x8000_0026, { eax: 1 }),
  ];
}

function of(vendor: Partial<CpuidEntry>, topology: Partial<Topology>) {
  const entries = guestCpuid(offered(vendor), {
    index: 0,
    count: 1,
    hasTscDeadline: false,
    ...topology,
  });
  return (fn: number, index = 0): CpuidEntry =>
    entries.find((entry) => entry.function === fn && entry.index === index) ?? leaf(-1);
}

describe("guestCpuid", () => {
  test("numbers the APICs, and says that there is a hypervisor", () => {
    const get = of(INTEL, { index: 2, count: 3, hasTscDeadline: true });
    expect(get(1)).toMatchObject({ ebx: 0x0204_0800, ecx: 0x8100_0000, edx: 0x1000_0000 });
    const alone = of(INTEL, {});
    expect(alone(1)).toMatchObject({ ebx: 0x0001_0800, ecx: 0x8000_0000, edx: 0 });
  });

  test("has one level of threads and one of cores, as many as there are vCPUs", () => {
    const get = of(INTEL, { index: 4, count: 5 });
    for (const fn of [0xb, 0x1f]) {
      expect(get(fn, 0)).toMatchObject({ eax: 0, ebx: 1, ecx: 0x100, edx: 4, flags: 1 });
      expect(get(fn, 1)).toMatchObject({ eax: 3, ebx: 5, ecx: 0x201, edx: 4 });
      expect(get(fn, 2)).toMatchObject({ eax: 0, ebx: 0, ecx: 2, edx: 4 });
    }
    expect(get(0x1f, 5).function).toBe(-1);
  });

  test("has levels only where the processor has them", () => {
    const supported = offered(AMD).filter((entry) => ![0xb, 0x1f].includes(entry.function));
    const entries = guestCpuid(supported, { index: 0, count: 2, hasTscDeadline: false });
    expect(entries.some((entry) => [0xb, 0x1f].includes(entry.function))).toBe(false);
  });

  test("shares the cache of level 3 and no other", () => {
    const get = of(INTEL, { count: 6 });
    // Bits 25 to 14: who shares it; 31 to 26: cores of the package. Both less one, of a power of two.
    expect(get(4, 0).eax).toBe(0x1c00_0121);
    expect(get(4, 2).eax).toBe(0x1c00_0143);
    expect(get(4, 3).eax).toBe(0x1c01_c163);
    expect(get(4, 4)).toEqual(leaf(4, { index: 4, flags: 1 }));
    expect(of(AMD, { count: 6 })(0x8000_001d, 3).eax).toBe(0x1_c163);
  });

  test("tells AMD's guests of cores in AMD's leaves, and others not", () => {
    const amd = of(AMD, { index: 1, count: 2 });
    expect(amd(0x8000_0001).ecx).toBe(0x2);
    expect(amd(0x8000_0008)).toMatchObject({ eax: 0x3030, ecx: 0x1_1001 });
    expect(amd(0x8000_001e)).toMatchObject({ eax: 1, ebx: 1, ecx: 0, edx: 0 });
    expect(of(AMD, {})(0x8000_0001).ecx).toBe(0);
    const intel = of(INTEL, { index: 1, count: 2 });
    expect(intel(0x8000_0008).ecx).toBe(0x1_703f);
    expect(intel(0x8000_0001).ecx).toBe(0);
    expect(amd(0x8000_0026).function).toBe(-1);
  });

  test("offers no virtualisation unless it is asked to", () => {
    expect(of(INTEL, { isNested: true })(1).ecx).toBe(0x8000_0020);
    expect(of(AMD, { isNested: true })(0x8000_0001).ecx).toBe(4);
  });

  test("leaves alone what it does not know", () => {
    expect(of(INTEL, { index: 3, count: 4 })(7)).toEqual(leaf(7, { ebx: 0x1234 }));
  });

  test("keeps every register an unsigned number, for 32 vCPUs as well", () => {
    const topology = { index: 31, count: 32, hasTscDeadline: true };
    for (const entry of guestCpuid(offered(AMD), topology)) {
      for (const value of [entry.eax, entry.ebx, entry.ecx, entry.edx]) {
        expect(value).toBe(value >>> 0);
      }
    }
  });

  test("refuses a vCPU that is none of them", () => {
    expect(() => of(INTEL, { index: 2, count: 2 })).toThrow("no vCPU 2 among 2");
    expect(() => of(INTEL, { index: -1, count: 2 })).toThrow("no vCPU -1 among 2");
  });
});
