/** The guest's memory, mapped before there is a VM to have it, so that it is filled while that is made. */
import { totalmem } from "node:os";
import { AuraeError } from "../../base/errors.ts";
import { mapRam, type RamSpec } from "../../kernel/kvm/guest-ram.ts";
import { FileDescriptor } from "../../kernel/sys/fd.ts";
import type { Mapping } from "../../kernel/sys/mapping.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { memoryRanges, VM_GENERATION_ID_ADDRESS, VM_GENERATION_ID_BYTES } from "../memory-map.ts";
import type { MachineConfig } from "../protocol/machine-config.ts";
import { checkMemoryFile } from "../snapshot/memory-file.ts";

const MIB = 1024 * 1024;

export class MachineMemory implements Disposable {
  readonly guest: GuestMemory;
  /** For the VM. */
  readonly ram: readonly (RamSpec & { readonly mapping: Mapping })[];
  readonly #stack = new DisposableStack();

  /**
   * Zeros, or for a snapshot pages of its file, which are copied as they are written to.
   * @throws {AuraeError} on more memory than this host has @throws {MemoryMapError} @throws {StateError} @throws {SyscallError}
   */
  constructor({ memoryBytes, boot }: Pick<MachineConfig, "memoryBytes" | "boot">) {
    const ranges = memoryRanges(memoryBytes);
    checkHost(memoryBytes);
    using file = "snapshot" in boot ? new FileDescriptor(boot.snapshot.memoryFd) : undefined;
    if (file !== undefined) {
      checkMemoryFile(file.number, memoryBytes);
    }
    let offset = 0;
    try {
      this.ram = ranges.map(({ start, length: bytes }) => {
        const mapped = file && { file: { fd: file.number, offset, isShared: false } };
        offset += bytes;
        return { start, bytes, mapping: this.#stack.use(mapRam({ start, bytes, ...mapped })) };
      });
    } catch (error) {
      this.#stack.dispose();
      throw error;
    }
    this.guest = new GuestMemory(
      this.ram.map(({ start, mapping }) => ({ start, bytes: mapping.bytes })),
    );
  }

  /** Makes this machine another than all others, those of the same snapshot too. */
  renewGenerationId(): void {
    crypto.getRandomValues(this.guest.bytes(VM_GENERATION_ID_ADDRESS, VM_GENERATION_ID_BYTES));
  }

  /** After the VM. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** Memory is only taken as the guest uses it, so that the kernel would not refuse it. */
function checkHost(memoryBytes: number): void {
  const host = totalmem();
  if (memoryBytes > host) {
    throw new AuraeError(
      "resource_exhausted",
      `give the machine ${Math.ceil(memoryBytes / MIB)} MiB of memory: this host has ${Math.floor(host / MIB)} MiB`,
    );
  }
}
