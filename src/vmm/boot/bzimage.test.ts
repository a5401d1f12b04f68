import { describe, expect, test } from "bun:test";
import {
  type BzImageFields,
  bzImage,
  guestMemory,
  MIB,
} from "../../../test/harness/boot-images.ts";
import { loadBzImage } from "./bzimage.ts";
import { Image } from "./image.ts";

const KERNEL = new Uint8Array(4096).map((_, at) => at & 0xff);

function load(file: Uint8Array, memory = guestMemory(16 * MIB)) {
  return loadBzImage(memory, Image.ofBytes("vmlinuz", file));
}

describe("loadBzImage", () => {
  test("puts the kernel where it prefers to run, and enters it at 0x200", () => {
    const memory = guestMemory(16 * MIB);
    const kernel = load(bzImage(KERNEL), memory);
    expect(kernel).toMatchObject({
      entry: 4 * MIB + 0x200,
      end: 5 * MIB,
      commandLineMaxBytes: 255,
      initrdMaxAddress: 0x7fff_ffff,
    });
    expect(memory.bytes(4 * MIB, 4096)).toEqual(KERNEL);
    expect([...memory.bytes(4 * MIB + 4096, 1)]).toEqual([0]);
  });

  test("gives the setup header as the file has it, as far as its own jump says", () => {
    const file = bzImage(KERNEL);
    expect(load(file).setupHeader).toEqual(file.slice(0x1f1, 0x202 + 0x6a));
    file[0x201] = 0xff;
    expect(load(file).setupHeader.length).toBe(0x290 - 0x1f1);
    file[0x201] = 0;
    expect(load(file).setupHeader.length).toBe(0x264 - 0x1f1);
  });

  test("moves a relocatable one up to its alignment, and no other", () => {
    const fields = { preferredAddress: 5 * MIB, alignment: 4 * MIB };
    expect(load(bzImage(KERNEL, fields)).entry).toBe(8 * MIB + 0x200);
    expect(load(bzImage(KERNEL, { ...fields, isRelocatable: false })).entry).toBe(5 * MIB + 0x200);
  });

  test("leaves out what follows the kernel, such as a signature", () => {
    const memory = guestMemory(16 * MIB);
    load(Buffer.concat([bzImage(KERNEL), new Uint8Array(64).fill(7)]), memory);
    expect([...memory.bytes(4 * MIB + 4096, 1)]).toEqual([0]);
  });

  test("takes one that ends within the last paragraph that its header states", () => {
    const file = bzImage(KERNEL);
    expect(load(file.subarray(0, file.length - 15)).entry).toBe(4 * MIB + 0x200);
    expect(() => load(file.subarray(0, file.length - 16))).toThrow("the file is cut or damaged");
  });

  const refused: readonly (readonly [string, BzImageFields, string])[] = [
    ["boot protocol 2.11", { version: 0x20b }, "speaks boot protocol 2.11"],
    ["32-bit kernels", { extendedLoadFlags: 0x3e }, "a 32-bit kernel"],
    ["zImages", { loadFlags: 0 }, "it is a zImage"],
    ["an alignment of zero", { alignment: 0 }, "no power of two"],
    ["an odd alignment", { alignment: 3 * MIB }, "no power of two"],
    ["an alignment of 2 GiB", { alignment: 2 ** 31 }, "no power of two"],
    ["an address in low memory", { preferredAddress: 0, alignment: 16 }, "from 0x0 on"],
    ["an address beyond memory", { preferredAddress: 2 ** 52 }, "ends at 16 MiB; give it more"],
    ["more memory than there is", { initBytes: 13 * MIB }, "needs 13 MiB of memory from 0x400000"],
    ["a kernel of nothing", { statedParagraphs: 0 }, "states 0 bytes"],
    ["a kernel of 64 GiB", { statedParagraphs: 2 ** 32 - 1 }, "give it more"],
  ];
  test.each(refused)("refuses %s", (_, fields, message) => {
    expect(() => load(bzImage(KERNEL, fields))).toThrow(message);
  });

  test("refuses a setup header that is cut", () => {
    expect(() => load(bzImage(KERNEL).subarray(0, 0x250))).toThrow("its setup header is cut");
  });
});
