/**
 * Places the initrd in guest memory: as high as it goes below 4 GiB, where a kernel that unpacks itself, or moves to
 * a place at random, is least in its way (boot.rst, "ramdisk_image").
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { HIGH_MEMORY_ADDRESS, MMIO_HOLE_ADDRESS, PAGE_BYTES } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";
import type { Image } from "./image.ts";

const MIB = 1024 * 1024;

/** What one of the kernel's images takes up in guest memory. */
export interface Placed {
  readonly address: number;
  readonly bytes: number;
}

export interface InitrdLimits {
  /** The kernel's own memory ends here; what it has from there on is its to use early. */
  readonly kernelEnd: number;
  /** The last address that a byte of it may have (initrd_addr_max). */
  readonly maxAddress: number;
}

/** @throws {BootError} where it does not fit between the kernel and the end of memory */
export function loadInitrd(memory: GuestMemory, image: Image, limits: InitrdLimits): Placed {
  const low = memory.regions.find(
    ({ start, bytes }) =>
      start <= HIGH_MEMORY_ADDRESS && HIGH_MEMORY_ADDRESS < start + bytes.length,
  );
  const memoryEnd = low === undefined ? 0 : low.start + low.bytes.length;
  const end = Math.min(memoryEnd, MMIO_HOLE_ADDRESS, limits.maxAddress + 1);
  const address = Math.floor((end - image.bytes) / PAGE_BYTES) * PAGE_BYTES;
  if (image.bytes === 0) {
    throw new BootError(`load the initrd "${image.name}": the file is empty`);
  }
  if (address < limits.kernelEnd) {
    throw new BootError(
      `load the initrd "${image.name}": its ${image.bytes} bytes do not fit between the kernel, which ends at ${Math.ceil(limits.kernelEnd / MIB)} MiB, and the end of what it may use at ${Math.floor(end / MIB)} MiB; give the machine more memory`,
    );
  }
  image.load(0, memory.bytes(address, image.bytes), "initrd");
  return { address, bytes: image.bytes };
}
