/**
 * Guests of a few instructions, on the host's own /dev/kvm: a VM with some memory, vCPUs in real mode or in 64-bit mode, and
 * bytes to run. Everything is disposed of with the guest.
 */
import { Kvm } from "../../src/kernel/kvm/kvm.ts";
import type { RamRegion } from "../../src/kernel/kvm/guest-ram.ts";
import type { Vcpu } from "../../src/kernel/kvm/vcpu.ts";
import type { VcpuExit } from "../../src/kernel/kvm/vcpu-exit.ts";
import type { Vm } from "../../src/kernel/kvm/vm.ts";
import { createPlatform } from "../../src/kernel/kvm/x86-64/platform.ts";
import {
  readSystemRegisters,
  type Segment,
  writeRegisters,
  writeSystemRegisters,
} from "../../src/kernel/kvm/x86-64/registers.ts";

/** Where the code goes, in every mode. */
export const CODE = 0x1000;
/** The end of the memory. */
export const RAM_BYTES = 0x20_0000;
const PML4 = 0x10_0000;
const PDPT = PML4 + 0x1000;
const PAGE_DIRECTORIES = PDPT + 0x1000;

const PRESENT_WRITABLE = 0x3n;
const LARGE = 0x80n;
const CR0_PE_PG_NE_ET = 0x8000_0031n;
const CR4_PAE = 0x20n;
const EFER_LME_LMA = 0x500n;

/** Flat segments of 64-bit mode (Intel SDM volume 3A 3.4.5). */
const FLAT = { base: 0n, limit: 0xffff_ffff, present: 1, dpl: 0, s: 1, g: 1, avl: 0, unusable: 0 };
const CODE_64: Segment = { ...FLAT, selector: 8, type: 11, db: 0, l: 1 };
const DATA_64: Segment = { ...FLAT, selector: 16, type: 3, db: 1, l: 0 };

export interface TinyGuestOptions {
  /** With interrupt controllers and a timer in the kernel; a halted vCPU then waits there. */
  readonly hasPlatform?: boolean;
}

export class TinyGuest implements Disposable {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly ram: RamRegion;
  readonly #stack = new DisposableStack();

  constructor({ hasPlatform = false }: TinyGuestOptions = {}) {
    try {
      this.kvm = this.#stack.use(Kvm.open());
      this.vm = this.#stack.use(this.kvm.createVm());
      if (hasPlatform) {
        createPlatform(this.vm);
      }
      this.ram = this.vm.addMemory({ start: 0, bytes: RAM_BYTES });
    } catch (error) {
      this.#stack.dispose();
      throw error;
    }
  }

  load(address: number, code: readonly number[]): void {
    this.ram.bytes.set(code, address);
  }

  /** A vCPU that starts with this code in real mode. */
  realMode(code: readonly number[], index = 0, address = CODE): Vcpu {
    this.load(address, code);
    const vcpu = this.#stack.use(this.vm.createVcpu(index));
    const { cs, ds } = readSystemRegisters(vcpu);
    writeSystemRegisters(vcpu, {
      cs: { ...cs, base: 0n, selector: 0 },
      ds: { ...ds, base: 0n, selector: 0 },
    });
    writeRegisters(vcpu, { rip: BigInt(address), rflags: 2n, rsp: 0x8000n });
    return vcpu;
  }

  /** A vCPU that starts with this code in 64-bit mode, the first 4 GiB mapped as they are. */
  longMode(code: readonly number[], index = 0, address = CODE): Vcpu {
    this.load(address, code);
    this.#mapFourGib();
    const vcpu = this.#stack.use(this.vm.createVcpu(index));
    writeSystemRegisters(vcpu, {
      cs: CODE_64,
      ds: DATA_64,
      es: DATA_64,
      fs: DATA_64,
      gs: DATA_64,
      ss: DATA_64,
      cr0: CR0_PE_PG_NE_ET,
      cr3: BigInt(PML4),
      cr4: CR4_PAE,
      efer: EFER_LME_LMA,
    });
    writeRegisters(vcpu, { rip: BigInt(address), rflags: 2n, rsp: 0x8000n });
    return vcpu;
  }

  /** A bare vCPU, as KVM makes it. */
  vcpu(index = 0): Vcpu {
    return this.#stack.use(this.vm.createVcpu(index));
  }

  #mapFourGib(): void {
    const { buffer, byteOffset } = this.ram.bytes;
    const memory = new DataView(buffer, byteOffset);
    memory.setBigUint64(PML4, BigInt(PDPT) | PRESENT_WRITABLE, true);
    for (let gib = 0; gib < 4; gib++) {
      const directory = PAGE_DIRECTORIES + gib * 0x1000;
      memory.setBigUint64(PDPT + gib * 8, BigInt(directory) | PRESENT_WRITABLE, true);
      for (let i = 0; i < 512; i++) {
        const page = BigInt(gib * 512 + i) * 0x20_0000n;
        memory.setBigUint64(directory + i * 8, page | PRESENT_WRITABLE | LARGE, true);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** A copy of an exit, since the next one may use the same object again. */
export function copied(exit: VcpuExit): VcpuExit {
  return exit.kind === "port" || exit.kind === "mmio" ? { ...exit, data: exit.data.slice() } : exit;
}

const MAX_SPURIOUS = 1000;

/** The next exit that is one: whatever signals this process gets interrupt a vCPU, too. */
export function nextExit(vcpu: Vcpu): VcpuExit {
  for (let i = 0; i < MAX_SPURIOUS; i++) {
    const exit = vcpu.run();
    if (exit.kind !== "interrupted") {
      return exit;
    }
  }
  throw new Error(`${MAX_SPURIOUS} interruptions in a row`);
}
