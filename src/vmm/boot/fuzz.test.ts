/** Kernels that are cut and changed at random: the loaders refuse them by name, or load them where they may. */
import { describe, expect, test } from "bun:test";
import { bzImage, elfFile, elfNote, guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import { randomFrom } from "../../../test/harness/random.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_ADDRESS } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";
import { loadBzImage } from "./bzimage.ts";
import { PT_LOAD, PT_NOTE } from "./elf-headers.ts";
import { loadElfKernel } from "./elf-kernel.ts";
import { Image } from "./image.ts";
import { kernelFormatOf } from "./kernel-format.ts";

const ROUNDS = 20_000;
const SEED = 5;
/** Values that break arithmetic, in place of any others. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];

type Random = (below: number) => number;

function mutated(file: Uint8Array, random: Random): Uint8Array {
  const copy = file.slice(0, random(4) === 0 ? random(file.length) : file.length);
  for (let changes = 1 + random(6); copy.length > 0 && changes > 0; changes -= 1) {
    const run = 1 + random(8);
    const at = random(copy.length);
    copy.fill(random(2) === 0 ? EDGES[random(EDGES.length)]! : random(256), at, at + run);
  }
  return copy;
}

const memory = guestMemory(16 * MIB);
const LOW = new Uint8Array(HIGH_MEMORY_ADDRESS);

function load(file: Uint8Array): "loaded" | "refused" {
  try {
    const image = Image.ofBytes("k", file);
    if (kernelFormatOf(image) === "elf") {
      const { entry } = loadElfKernel(memory, image);
      memory.bytes(entry, 1);
    } else {
      const { entry, setupHeader } = loadBzImage(memory, image);
      memory.bytes(entry, 1);
      expect(setupHeader.length).toBeLessThanOrEqual(0x290 - 0x1f1);
    }
    return "loaded";
  } catch (error) {
    if (!(error instanceof BootError)) {
      throw error;
    }
    return "refused";
  }
}

/** No byte is zero, so that a kernel in the wrong place shows. */
const code = (bytes: number) => new Uint8Array(bytes).fill(0x90);

const FILES = {
  ELF: elfFile(2 * MIB, [
    { type: PT_LOAD, physicalAddress: 2 * MIB, bytes: code(256), memoryBytes: 8192 },
    { type: PT_LOAD, physicalAddress: 3 * MIB, bytes: code(64) },
    {
      type: PT_NOTE,
      physicalAddress: 0,
      bytes: Buffer.concat([
        elfNote("GNU", 3, new Uint8Array(20)),
        elfNote("Xen", 18, new Uint8Array([0, 0, 0x20, 0])),
      ]),
    },
  ]),
  bzImage: bzImage(code(2048)),
};

describe.each(Object.entries(FILES))("a %s file", (_, file) => {
  test(`that is cut or changed, ${ROUNDS} times from seed ${SEED}, is loaded or refused`, () => {
    const random = randomFrom(SEED);
    const seen = { loaded: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      seen[load(mutated(file, random))] += 1;
    }
    // Both ends are met, or the test would prove nothing.
    expect(seen.loaded).toBeGreaterThan(ROUNDS / 100);
    expect(seen.refused).toBeGreaterThan(ROUNDS / 100);
    expect(memory.bytes(0, HIGH_MEMORY_ADDRESS)).toEqual(LOW);
  });

  test("that is cut anywhere in its headers is refused", () => {
    expect(load(file)).toBe("loaded");
    const end = file.length > 1024 ? 0x264 : 64 + 3 * 56;
    const lengths = Array.from({ length: end }, (_length, at) => at);
    expect(lengths.filter((length) => load(file.subarray(0, length)) === "loaded")).toEqual([]);
  });
});

test("guest memory without any low memory gets no kernel", () => {
  const none = new GuestMemory([]);
  expect(() => loadBzImage(none, Image.ofBytes("k", FILES.bzImage))).toThrow("ends at 0 MiB");
  expect(() => loadElfKernel(none, Image.ofBytes("k", FILES.ELF))).toThrow("give it more");
});
