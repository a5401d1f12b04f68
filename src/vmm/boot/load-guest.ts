/**
 * Puts kernel, initrd and command line into guest memory, with what tells the kernel of them, and answers with the
 * registers that the boot CPU starts with. Which format and protocol it is, the kernel's own content decides.
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { ABOVE_4G_ADDRESS, e820Map, RESET_VECTOR_ADDRESS } from "../memory-map.ts";
import { loadBzImage } from "./bzimage.ts";
import { writeCommandLine } from "./command-line.ts";
import { type BootCpuState, linux64State, pvhState } from "./cpu-state.ts";
import { loadElfKernel } from "./elf-kernel.ts";
import type { Image } from "./image.ts";
import { loadInitrd } from "./initrd.ts";
import { kernelFormatOf } from "./kernel-format.ts";
import { writePvhStartInfo } from "./pvh-start-info.ts";
import { RESET_CODE } from "./reset-vector.ts";
import { writeZeroPage } from "./zero-page.ts";

export interface GuestImages {
  readonly kernel: Image;
  readonly initrd?: Image | undefined;
  readonly commandLine: string;
}

export interface LoadedGuest {
  readonly protocol: "pvh" | "linux64";
  readonly cpu: BootCpuState;
}

interface LoadedKernel {
  readonly protocol: "pvh" | "linux64";
  readonly entry: number;
  readonly end: number;
  readonly setupHeader?: Uint8Array;
  readonly commandLineMaxBytes?: number;
  readonly initrdMaxAddress: number;
}

function loadKernel(memory: GuestMemory, image: Image): LoadedKernel {
  if (kernelFormatOf(image) === "bzImage") {
    return { protocol: "linux64", ...loadBzImage(memory, image) };
  }
  return { ...loadElfKernel(memory, image), initrdMaxAddress: ABOVE_4G_ADDRESS - 1 };
}

/**
 * @param memory fresh, as {@link memoryRanges} laid it out
 * @param rsdpAddress where the ACPI tables are
 * @throws {BootError} on whatever is wrong with what the guest is made of
 */
export function loadGuest(
  memory: GuestMemory,
  images: GuestImages,
  rsdpAddress: number,
): LoadedGuest {
  const kernel = loadKernel(memory, images.kernel);
  const commandLine = writeCommandLine(memory, images.commandLine, kernel.commandLineMaxBytes);
  const initrd =
    images.initrd === undefined
      ? undefined
      : loadInitrd(memory, images.initrd, {
          kernelEnd: kernel.end,
          maxAddress: kernel.initrdMaxAddress,
        });
  memory.bytes(RESET_VECTOR_ADDRESS, RESET_CODE.length).set(RESET_CODE);
  const map = e820Map(memory.regions.map(({ start, bytes }) => ({ start, length: bytes.length })));
  if (kernel.protocol === "pvh") {
    const info = writePvhStartInfo(memory, { commandLine, initrd, memoryMap: map, rsdpAddress });
    return { protocol: "pvh", cpu: pvhState(memory, kernel.entry, info) };
  }
  const { setupHeader } = kernel;
  const page = writeZeroPage(memory, { setupHeader, commandLine, initrd, e820: map, rsdpAddress });
  return { protocol: "linux64", cpu: linux64State(memory, kernel.entry, page) };
}
