import { describe, expect, test } from "bun:test";
import { bzImage, elfFile, elfNote, guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { E820_ACPI, E820_RAM, E820_RESERVED } from "../memory-map.ts";
import { PT_LOAD, PT_NOTE } from "./elf-headers.ts";
import { Image } from "./image.ts";
import { loadGuest } from "./load-guest.ts";

const RSDP = 0xe_0000;
const ADDRESS = 2 * MIB;
const CODE = { type: PT_LOAD, physicalAddress: ADDRESS, bytes: new Uint8Array(0x200) };
const NOTE = {
  type: PT_NOTE,
  physicalAddress: 0,
  bytes: elfNote("Xen", 18, new Uint8Array([0, 0, 0x20, 0])),
};
const INITRD = Image.ofBytes("initrd", new Uint8Array([1, 2, 3]));

function boot(memory: GuestMemory, kernel: Uint8Array, commandLine = "quiet", initrd = INITRD) {
  return loadGuest(memory, { kernel: Image.ofBytes("k", kernel), initrd, commandLine }, RSDP);
}

function textAt(memory: GuestMemory, address: number, length: number): string {
  return new TextDecoder().decode(memory.bytes(address, length));
}

/** Addresses and sizes of a list of ranges, of `count` entries that are `bytes` apart. */
function rangesAt(memory: GuestMemory, address: number, count: number, bytes: number) {
  return Array.from({ length: count }, (_, index) => {
    const at = address + index * bytes;
    const [start, length] = [memory.read64(at), memory.read64(at + 8)];
    return [Number(start), Number(length), memory.read32(at + 16)];
  });
}

const MAP = [
  [0, 0x9_fc00, E820_RAM],
  [0x9_fc00, 0x4_0400, E820_RESERVED],
  [0xe_0000, 0x1_0000, E820_ACPI],
  [0xf_0000, 0x1_0000, E820_RESERVED],
  [MIB, 15 * MIB, E820_RAM],
];

describe("loadGuest", () => {
  test("fills the zero page of a bzImage: its own header, and what it is given", () => {
    const memory = guestMemory(16 * MIB);
    const file = bzImage(new Uint8Array(4096));
    const { protocol, cpu } = boot(memory, file);
    expect(protocol).toBe("linux64");
    const page = Number(cpu.regs.rsi);
    expect(memory.bytes(page + 0x230, 0x34)).toEqual(file.subarray(0x230, 0x264));
    expect(memory.bytes(page + 0x210, 1)[0]).toBe(0xff);
    expect(textAt(memory, memory.read32(page + 0x228), 6)).toBe("quiet\0");
    const initrd = memory.read32(page + 0x218);
    expect([...memory.bytes(initrd, memory.read32(page + 0x21c))]).toEqual([1, 2, 3]);
    expect(memory.read64(page + 0x70)).toBe(BigInt(RSDP));
    // The sentinel: a kernel that finds it set clears fields of the page.
    expect(memory.bytes(page + 0x1ef, 1)[0]).toBe(0);
    const count = memory.bytes(page + 0x1e8, 1)[0]!;
    expect(rangesAt(memory, page + 0x2d0, count, 20)).toEqual(MAP);
  });

  test("keeps the bound of a bzImage on its command line", () => {
    const kernel = bzImage(new Uint8Array(4096));
    expect(() => boot(guestMemory(16 * MIB), kernel, "x".repeat(256))).toThrow("takes 255");
  });

  test("gives an ELF kernel without a note a zero page with a header of ours", () => {
    const memory = guestMemory(16 * MIB);
    const { protocol, cpu } = boot(memory, elfFile(ADDRESS, [CODE]));
    expect(protocol).toBe("linux64");
    const page = Number(cpu.regs.rsi);
    expect(memory.read16(page + 0x1fe)).toBe(0xaa55);
    expect(textAt(memory, page + 0x202, 4)).toBe("HdrS");
    expect(textAt(memory, memory.read32(page + 0x228), 6)).toBe("quiet\0");
    expect(memory.read32(page + 0x21c)).toBe(3);
  });

  test("fills the start info of a PVH kernel", () => {
    const memory = guestMemory(16 * MIB);
    const { protocol, cpu } = boot(memory, elfFile(ADDRESS, [CODE, NOTE]));
    expect(protocol).toBe("pvh");
    const info = Number(cpu.regs.rbx);
    expect(memory.read32(info)).toBe(0x336e_c578);
    expect(memory.read32(info + 4)).toBe(1);
    expect(textAt(memory, Number(memory.read64(info + 24)), 6)).toBe("quiet\0");
    expect(memory.read64(info + 32)).toBe(BigInt(RSDP));
    expect(memory.read32(info + 12)).toBe(1);
    const module = Number(memory.read64(info + 16));
    const initrd = memory.bytes(Number(memory.read64(module)), Number(memory.read64(module + 8)));
    expect([...initrd]).toEqual([1, 2, 3]);
    const map = Number(memory.read64(info + 40));
    expect(rangesAt(memory, map, memory.read32(info + 48), 24)).toEqual(MAP);
  });

  test("leaves a reset where the BIOS of a PC begins, for kernels that jump there", () => {
    const memory = guestMemory(16 * MIB);
    boot(memory, elfFile(ADDRESS, [CODE]));
    // mov $0x602, %dx; mov $1, %al; out %al, (%dx); hlt; jmp to the hlt.
    expect(Buffer.from(memory.bytes(0xf_fff0, 9)).toString("hex")).toBe("ba0206b001eef4ebfd");
  });

  test("names no module where there is no initrd", () => {
    const memory = guestMemory(16 * MIB);
    const images = { kernel: Image.ofBytes("k", elfFile(ADDRESS, [CODE, NOTE])), commandLine: "" };
    const { cpu } = loadGuest(memory, images, RSDP);
    const info = Number(cpu.regs.rbx);
    expect([memory.read32(info + 12), Number(memory.read64(info + 16))]).toEqual([0, 0]);
  });
});
