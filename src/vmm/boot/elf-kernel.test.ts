import { describe, expect, test } from "bun:test";
import { elfFile, elfNote, guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import { PT_INTERP, PT_LOAD, PT_NOTE, PT_TLS } from "./elf-headers.ts";
import { loadElfKernel } from "./elf-kernel.ts";
import { Image } from "./image.ts";

const ADDRESS = 2 * MIB;
const ENTRY = ADDRESS + 0x100;
const CODE = { type: PT_LOAD, physicalAddress: ADDRESS, bytes: new Uint8Array(0x200).fill(0x90) };

function pointer(value: number, bytes: 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}

function pvhNote(entry: number, bytes: 4 | 8 = 8) {
  const notes = Buffer.concat([
    elfNote("Linux", 18, pointer(1, 4)),
    elfNote("Xen", 6, new TextEncoder().encode("linux\0")),
    elfNote("Xen", 18, pointer(entry, bytes)),
  ]);
  return { type: PT_NOTE, physicalAddress: 0, bytes: notes };
}

function load(file: Uint8Array, memory = guestMemory(16 * MIB)) {
  return loadElfKernel(memory, Image.ofBytes("vmlinux", file));
}

/** The file with one byte or more of its headers changed. */
function changed(file: Uint8Array, offset: number, bytes: readonly number[]): Uint8Array {
  const copy = file.slice();
  copy.set(bytes, offset);
  return copy;
}

describe("loadElfKernel", () => {
  test("puts the segments at their physical addresses, and nothing beyond", () => {
    const memory = guestMemory(16 * MIB);
    const data = {
      type: PT_LOAD,
      physicalAddress: 3 * MIB,
      bytes: new Uint8Array([1, 2, 3]),
      memoryBytes: MIB,
    };
    expect(load(elfFile(ENTRY, [data, CODE]), memory)).toEqual({
      protocol: "linux64",
      entry: ENTRY,
      end: 4 * MIB,
    });
    expect(memory.bytes(ADDRESS, 0x200)).toEqual(CODE.bytes);
    expect([...memory.bytes(ADDRESS + 0x200, 2)]).toEqual([0, 0]);
    expect([...memory.bytes(3 * MIB, 4)]).toEqual([1, 2, 3, 0]);
  });

  test.each([4, 8] as const)("enters by PVH where there is a note for it, of %d bytes", (bytes) => {
    const kernel = load(elfFile(ENTRY, [CODE, pvhNote(ADDRESS + 0x40, bytes)]));
    expect(kernel).toEqual({ protocol: "pvh", entry: ADDRESS + 0x40, end: ADDRESS + 0x200 });
  });

  test("takes a note that is too short for an address as none", () => {
    const note = { ...pvhNote(0), bytes: elfNote("Xen", 18, new Uint8Array(2)) };
    expect(load(elfFile(ENTRY, [CODE, note])).protocol).toBe("linux64");
  });

  test("refuses programs for Linux", () => {
    const abi = elfNote("GNU", 1, new Uint8Array(16));
    const marks = [
      { type: PT_INTERP, physicalAddress: 0, bytes: new TextEncoder().encode("/lib/ld.so\0") },
      { type: PT_TLS, physicalAddress: 0, bytes: new Uint8Array(8) },
      { type: PT_NOTE, physicalAddress: 0, bytes: abi },
    ];
    for (const mark of marks) {
      expect(() => load(elfFile(ENTRY, [CODE, mark]))).toThrow("is a program that runs on Linux");
    }
  });

  const file = elfFile(ENTRY, [CODE]);
  const segment = (fields: object) => elfFile(ENTRY, [{ ...CODE, ...fields }]);
  test.each([
    ["a cut header", file.subarray(0, 40), "read the ELF header"],
    ["cut program headers", file.subarray(0, 100), "read the program headers"],
    ["a cut segment", file.subarray(0, file.length - 1), "read the segment"],
    ["32 bits", changed(file, 4, [1]), "32-bit ELF file"],
    ["big-endian", changed(file, 5, [2]), "for another processor"],
    ["arm64", changed(file, 18, [183, 0]), "ELF machine 183"],
    ["a kernel module", changed(file, 16, [1, 0]), "object file that was not linked"],
    ["headers of another size", changed(file, 54, [55]), "program headers (1 of 55 bytes)"],
    ["65,535 headers", changed(file, 56, [255, 255]), "program headers (65535 of 56 bytes)"],
    ["no segment", elfFile(ENTRY, []), "no segments to load"],
    ["an entry outside", elfFile(ENTRY + MIB, [CODE]), "in none of its segments"],
    ["a PVH entry outside", elfFile(ENTRY, [CODE, pvhNote(MIB)]), "in none of its segments"],
    ["low memory", segment({ physicalAddress: 0x7000 }), "below 0x100000"],
    ["more file than memory", segment({ memoryBytes: 8 }), "512 bytes in the file, and 8 in"],
    ["too much memory", segment({ memoryBytes: 15 * MIB }), "up to 17 MiB"],
    ["an address beyond 3 GiB", segment({ physicalAddress: 2 ** 32 }), "where no kernel can start"],
    ["an address of 2^63", segment({ physicalAddress: 2 ** 63 }), "where no kernel can start"],
    ["overlapping segments", elfFile(ENTRY, [CODE, CODE]), "overlaps the one before"],
    [
      "notes of a GiB",
      changed(elfFile(ENTRY, [CODE, pvhNote(ENTRY)]), 64 + 56 + 32, [0, 0, 0, 64]),
      "bytes of ELF notes",
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => load(bytes)).toThrow(message);
  });

  test("needs memory that is there before it reads anything", () => {
    const memory = guestMemory(16 * MIB);
    const far = { ...CODE, physicalAddress: 64 * MIB };
    expect(() => load(elfFile(ENTRY, [CODE, far]), memory)).toThrow("give it more");
    expect([...memory.bytes(ADDRESS, 1)]).toEqual([0]);
  });
});
