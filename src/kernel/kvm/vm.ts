/**
 * One VM of KVM: its memory, interrupt lines, and what of the guest's accesses ends in an eventfd. It owns the mappings
 * of the memory, but for those that it was given, and outlives the vCPUs that it makes. What only one architecture has is in the folder of its name.
 */
import {
  KVM_CREATE_IRQCHIP,
  KVM_CREATE_VCPU,
  KVM_IOEVENTFD,
  KVM_IOEVENTFD_ARGUMENT,
  KVM_IOEVENTFD_FLAG_DATAMATCH,
  KVM_IOEVENTFD_FLAG_DEASSIGN,
  KVM_IOEVENTFD_FLAG_PIO,
  KVM_IRQFD,
  KVM_IRQFD_ARGUMENT,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQ_LEVEL,
  KVM_IRQ_LINE,
  KVM_MEM_READONLY,
  KVM_SET_USER_MEMORY_REGION,
  KVM_USERSPACE_MEMORY_REGION,
} from "../abi/kvm.ts";
import type { EventFd } from "../sys/event-fd.ts";
import type { Mapping } from "../sys/mapping.ts";
import { checkRam, mapRam, type RamRegion, type RamSpec } from "./guest-ram.ts";
import { KvmDescriptor } from "./kvm-descriptor.ts";
import { Vcpu } from "./vcpu.ts";

export interface VmLimits {
  readonly maxVcpus: number;
  readonly maxMemorySlots: number;
  /** The size of what is mapped of a vCPU, `struct kvm_run` at its head. */
  readonly runBytes: number;
}

/** A write of the guest's that adds to an eventfd instead of an exit (api.rst 4.59). */
export interface GuestWrite {
  readonly space: "mmio" | "port";
  readonly address: number;
  /** The size of the access in bytes; 0 for any. */
  readonly bytes: 0 | 1 | 2 | 4 | 8;
  /** Only writes of this value; any when left out. Not with a size of 0. */
  readonly value?: bigint;
}

export class Vm implements Disposable {
  readonly descriptor: KvmDescriptor;
  readonly #limits: VmLimits;
  readonly #mappings: Mapping[] = [];
  readonly #memory: RamRegion[] = [];
  readonly #vcpus = new Set<number>();

  constructor(descriptor: KvmDescriptor, limits: VmLimits) {
    this.descriptor = descriptor;
    this.#limits = limits;
  }

  /** In the order they were added. */
  get memory(): readonly RamRegion[] {
    return this.#memory;
  }

  /** Gives the guest memory. @throws {RangeError} on a region that can't be @throws {SyscallError} */
  addMemory(spec: RamSpec): RamRegion {
    const { start, bytes, isReadOnly = false } = spec;
    checkRam(spec, this.#memory);
    const slot = this.#memory.length;
    if (slot >= this.#limits.maxMemorySlots) {
      throw new RangeError(`a VM has at most ${this.#limits.maxMemorySlots} regions of memory`);
    }
    const mapping = spec.mapping ?? mapRam(spec);
    const isOwn = spec.mapping === undefined;
    try {
      const region = KVM_USERSPACE_MEMORY_REGION.make({
        slot,
        flags: isReadOnly ? KVM_MEM_READONLY : 0,
        guest_phys_addr: start,
        memory_size: bytes,
        userspace_addr: mapping.address,
      });
      // SAFETY: KVM keeps the mapping's address; the mapping is disposed of after the VM's descriptor, and a guest
      // that still runs by then faults, as the kernel takes the pages out of the guest with the mapping.
      this.descriptor.request("KVM_SET_USER_MEMORY_REGION", KVM_SET_USER_MEMORY_REGION, region);
    } catch (error) {
      if (isOwn) {
        mapping[Symbol.dispose]();
      }
      throw error;
    }
    const region = { start, bytes: mapping.bytes, address: mapping.address };
    if (isOwn) {
      this.#mappings.push(mapping);
    }
    this.#memory.push(region);
    return region;
  }

  /** The interrupt controllers of the architecture, in the kernel. Before the first vCPU. @throws {SyscallError} */
  createIrqChip(): void {
    this.descriptor.request("KVM_CREATE_IRQCHIP", KVM_CREATE_IRQCHIP);
  }

  /** @param index from 0; it is the vCPU's id, too @throws {RangeError} @throws {SyscallError} */
  createVcpu(index: number): Vcpu {
    const { maxVcpus, runBytes } = this.#limits;
    if (!Number.isInteger(index) || index < 0 || index >= maxVcpus || this.#vcpus.has(index)) {
      throw new RangeError(
        `no vCPU ${index}: a VM has one each of 0 to ${maxVcpus - 1}, on this host`,
      );
    }
    const fd = this.descriptor.request("KVM_CREATE_VCPU", KVM_CREATE_VCPU, index);
    this.#vcpus.add(index);
    return Vcpu.own(index, new KvmDescriptor(fd, `vCPU ${index}`), runBytes);
  }

  /**
   * Has each signal of an eventfd raise an interrupt line for a moment: an edge.
   * @param gsi the number of the line, as ACPI counts
   * @throws {SyscallError} EBUSY where the eventfd has a line already
   */
  connectInterrupt(event: EventFd, gsi: number): void {
    const irqfd = KVM_IRQFD_ARGUMENT.make({ fd: event.descriptor.number, gsi });
    this.descriptor.request("KVM_IRQFD", KVM_IRQFD, irqfd);
  }

  /** @throws {SyscallError} */
  disconnectInterrupt(event: EventFd, gsi: number): void {
    const flags = KVM_IRQFD_FLAG_DEASSIGN;
    const irqfd = KVM_IRQFD_ARGUMENT.make({ fd: event.descriptor.number, gsi, flags });
    this.descriptor.request("KVM_IRQFD", KVM_IRQFD, irqfd);
  }

  /** Sets the level of an interrupt line. @throws {SyscallError} */
  setInterruptLine(gsi: number, isHigh: boolean): void {
    const level = KVM_IRQ_LEVEL.make({ irq: gsi, level: isHigh ? 1 : 0 });
    this.descriptor.request("KVM_IRQ_LINE", KVM_IRQ_LINE, level);
  }

  /** Has a write of the guest's signal an eventfd, without an exit. @throws {SyscallError} EEXIST: such a write has one */
  connectWrite(event: EventFd, write: GuestWrite): void {
    this.#ioeventfd(event, write, 0);
  }

  /** @throws {SyscallError} ENOENT where nothing of the kind is connected */
  disconnectWrite(event: EventFd, write: GuestWrite): void {
    this.#ioeventfd(event, write, KVM_IOEVENTFD_FLAG_DEASSIGN);
  }

  #ioeventfd(event: EventFd, { space, address, bytes, value }: GuestWrite, flag: number): void {
    const port = space === "port" ? KVM_IOEVENTFD_FLAG_PIO : 0;
    const match = value === undefined ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH;
    const ioeventfd = KVM_IOEVENTFD_ARGUMENT.make({
      datamatch: value ?? 0n,
      addr: address,
      len: bytes,
      fd: event.descriptor.number,
      flags: flag | port | match,
    });
    this.descriptor.request("KVM_IOEVENTFD", KVM_IOEVENTFD, ioeventfd);
  }

  /** After the vCPUs: none may run any more. Views of the memory are empty then. */
  [Symbol.dispose](): void {
    this.descriptor[Symbol.dispose]();
    for (const mapping of this.#mappings.splice(0)) {
      mapping[Symbol.dispose]();
    }
    this.#memory.length = 0;
  }
}
