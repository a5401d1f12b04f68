/**
 * Debian's own kernel in a guest's memory: the bzImage as it is shipped, and the vmlinux inside of it, whole, cut, and
 * with bytes changed.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync } from "node:fs";
import { ensureKernel } from "../../build/kernel-package.ts";
import { inRoot } from "../../build/paths.ts";
import { BootError } from "../../src/vmm/boot/boot-error.ts";
import { Image } from "../../src/vmm/boot/image.ts";
import { type LoadedGuest, loadGuest } from "../../src/vmm/boot/load-guest.ts";
import type { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { guestMemory, MIB, vmlinuxPayload } from "../harness/boot-images.ts";
import { randomFrom } from "../harness/random.ts";

const RSDP = 0xe_0000;
/** Where Linux for x86-64 is linked to run. */
const KERNEL_ADDRESS = 16 * MIB;
const ROUNDS = 200;
const SEED = 7;

let path = "";
let image: Uint8Array;
let vmlinux: Uint8Array;

beforeAll(() => {
  path = ensureKernel(inRoot(".cache")).image;
  image = new Uint8Array(readFileSync(path));
  const payload = vmlinuxPayload(image);
  if (payload === undefined) {
    throw new Error(`unpack "${path}": its payload is not packed with LZ4`);
  }
  vmlinux = payload;
});

function boot(memory: GuestMemory, kernel: Image): LoadedGuest {
  return loadGuest(memory, { kernel, commandLine: "console=ttyS0" }, RSDP);
}

describe("the bzImage", () => {
  test("is loaded from its file to where it runs, for the 64-bit boot protocol", () => {
    const memory = guestMemory(256 * MIB);
    const fd = openSync(path, "r");
    const { protocol, cpu } = boot(memory, Image.ofFile(path, fd));
    closeSync(fd);
    expect(protocol).toBe("linux64");
    expect(cpu.regs.rip).toBe(BigInt(KERNEL_ADDRESS + 0x200));
    const start = (image[0x1f1]! + 1) * 512;
    const part = 4 * MIB;
    expect(memory.bytes(KERNEL_ADDRESS, part)).toEqual(image.subarray(start, start + part));
  });

  test("says how much memory it needs, of a machine that has too little", () => {
    const kernel = Image.ofBytes(path, image);
    expect(() => boot(guestMemory(32 * MIB), kernel)).toThrow(/needs \d+ MiB of memory from 0x/);
  });
});

describe("the vmlinux", () => {
  test("is loaded for PVH, at the entry that its symbol has", () => {
    const memory = guestMemory(256 * MIB);
    const { protocol, cpu } = boot(memory, Image.ofBytes("vmlinux", vmlinux));
    expect(protocol).toBe("pvh");
    // cld, the first instruction of pvh_start_xen.
    expect(memory.bytes(Number(cpu.regs.rip), 1)[0]).toBe(0xfc);
  });

  test("is refused where the machine has too little memory", () => {
    const kernel = Image.ofBytes("vmlinux", vmlinux);
    expect(() => boot(guestMemory(32 * MIB), kernel)).toThrow("the machine does not have");
  });
});

test(`either of them, cut or changed ${ROUNDS} times from seed ${SEED}, is loaded or refused`, () => {
  const random = randomFrom(SEED);
  const memory = guestMemory(128 * MIB);
  const seen = { loaded: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const whole = random(2) === 0 ? image : vmlinux;
    const copy = whole.slice(0, random(3) === 0 ? random(whole.length) : 16 * MIB);
    // Headers are in the first page: changes elsewhere would be no news to the loaders.
    for (let changes = 1 + random(4); changes > 0; changes -= 1) {
      copy[random(Math.min(copy.length, 0x290))] = random(256);
    }
    try {
      boot(memory, Image.ofBytes("k", copy));
      seen.loaded += 1;
    } catch (error) {
      if (!(error instanceof BootError)) {
        throw error;
      }
      seen.refused += 1;
    }
  }
  expect(seen.loaded).toBeGreaterThan(0);
  expect(seen.refused).toBeGreaterThan(0);
});
