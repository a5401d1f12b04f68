/** On a vCPU of memory alone: what is asked for, in which order, and what becomes of the answers. */
import { describe, expect, test } from "bun:test";
import { ERRNO } from "../../abi/errno.ts";
import * as common from "../../abi/kvm.ts";
import * as x86 from "../../abi/x86-64/kvm.ts";
import { SyscallError } from "../../sys/error.ts";
import type { SyscallArgument } from "../../sys/syscall.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";
import { packCpuid, readVcpuCpuid, supportedCpuid, unpackCpuid } from "./cpuid.ts";
import { inRestoreOrder, readMsrs, stateMsrs, writeMsrs } from "./msrs.ts";
import {
  readRegisters,
  readSystemRegisters,
  writeRegisters,
  writeSystemRegisters,
} from "./registers.ts";
import { restoreVcpu, saveVcpu } from "./vcpu-state.ts";

type Answer = (argument: Uint8Array) => number;

/** Keeps what a KVM_SET_* gives under its name, and answers KVM_GET_* with it. */
class FakeVcpu implements RequestTarget {
  readonly log: string[] = [];
  readonly memory = new Map<string, Uint8Array>();
  readonly answers = new Map<string, Answer>();

  request(name: string, _number: number, argument: SyscallArgument = 0): number {
    this.log.push(name);
    const bytes = bytesOf(argument);
    const result = this.answers.get(name)?.(bytes);
    if (result !== undefined) {
      if (result < 0) {
        throw new SyscallError("ioctl", -result, name);
      }
      return result;
    }
    const part = name.replace(/^KVM_[GS]ET_/, "");
    if (name.startsWith("KVM_SET_")) {
      this.memory.set(part, bytes.slice());
    } else {
      bytes.set((this.memory.get(part) ?? new Uint8Array(0)).subarray(0, bytes.length));
    }
    return 0;
  }

  tryRequest(number: number, argument: SyscallArgument = 0): number {
    const name = NAMES.get(number) ?? "?";
    try {
      return this.request(name, number, argument);
    } catch (error) {
      return error instanceof SyscallError ? -error.errno : -1;
    }
  }
}

const NAMES = new Map(
  Object.entries({ ...common, ...x86 }).flatMap(([name, value]) =>
    typeof value === "number" && value > 0xae00 ? [[value, name] as const] : [],
  ),
);

function bytesOf(argument: SyscallArgument): Uint8Array {
  return argument === null || typeof argument === "number"
    ? new Uint8Array(0)
    : new Uint8Array(argument.buffer, argument.byteOffset, argument.byteLength);
}

const LEAF = { function: 1, index: 2, flags: 1, eax: 3, ebx: 4, ecx: 5, edx: 0xffff_ffff };

describe("CPUID", () => {
  test("packCpuid and unpackCpuid are each other's inverse", () => {
    const table = packCpuid([LEAF, { ...LEAF, function: 0x8000_0000 }]);
    expect(table.byteLength).toBe(8 + 2 * 40);
    expect(unpackCpuid(table)).toEqual([LEAF, { ...LEAF, function: 0x8000_0000 }]);
  });

  test("unpackCpuid believes no more entries than there is room for", () => {
    const table = packCpuid([LEAF]);
    x86.KVM_CPUID2.write(table, { nent: 0xffff_ffff });
    expect(unpackCpuid(table)).toEqual([LEAF]);
  });

  test("supportedCpuid asks with more room until the kernel has enough, and not for ever", () => {
    const kvm = new FakeVcpu();
    const rooms: number[] = [];
    let enough = 1000;
    kvm.answers.set("KVM_GET_SUPPORTED_CPUID", (bytes) => {
      const view = new DataView(bytes.buffer);
      const room = x86.KVM_CPUID2.read(view, "nent");
      rooms.push(room);
      if (room < enough) {
        return -ERRNO.E2BIG;
      }
      bytes.set(bytesOf(packCpuid([LEAF])));
      return 0;
    });
    expect(supportedCpuid(kvm)).toEqual([LEAF]);
    expect(rooms).toEqual([256, 512, 1024]);
    enough = Number.POSITIVE_INFINITY;
    expect(() => supportedCpuid(kvm)).toThrow("E2BIG");
  });
});

/** Has KVM_GET_MSRS and KVM_SET_MSRS stop at one number. */
function withoutMsr(vcpu: FakeVcpu, missing: number): FakeVcpu {
  for (const name of ["KVM_GET_MSRS", "KVM_SET_MSRS"]) {
    vcpu.answers.set(name, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const count = x86.KVM_MSRS.read(view, "nmsrs");
      for (let i = 0; i < count; i++) {
        const entry = new DataView(bytes.buffer, bytes.byteOffset + 8 + i * 16);
        const index = x86.KVM_MSR_ENTRY.read(entry, "index");
        if (index === missing) {
          return i;
        }
        if (name === "KVM_GET_MSRS") {
          x86.KVM_MSR_ENTRY.write(entry, { data: BigInt(index) * 10n });
        }
      }
      return count;
    });
  }
  return vcpu;
}

describe("MSRs", () => {
  test("stateMsrs reads the kernel's list, and believes no more than there is room for", () => {
    const kvm = new FakeVcpu();
    kvm.answers.set("KVM_GET_MSR_INDEX_LIST", (bytes) => {
      new Uint32Array(bytes.buffer).set([3, 0x10, 0x174, 0xc000_0081]);
      return 0;
    });
    expect(stateMsrs(kvm)).toEqual([0x10, 0x174, 0xc000_0081]);
    kvm.answers.set("KVM_GET_MSR_INDEX_LIST", (bytes) => {
      new Uint32Array(bytes.buffer)[0] = 0xffff_ffff;
      return 0;
    });
    expect(stateMsrs(kvm)).toHaveLength(4096);
  });

  test("readMsrs leaves out those that the vCPU does not have, wherever they stand", () => {
    const all = [7, 8, 9];
    for (const missing of all) {
      const vcpu = withoutMsr(new FakeVcpu(), missing);
      const rest = all.filter((index) => index !== missing);
      expect(readMsrs(vcpu, all).map((msr) => msr.index)).toEqual(rest);
    }
    expect(readMsrs(withoutMsr(new FakeVcpu(), 1), all)[2]).toEqual({ index: 9, value: 90n });
  });

  test("writeMsrs names the one that was refused", () => {
    const vcpu = withoutMsr(new FakeVcpu(), 0x175);
    const msrs = [0x174, 0x175, 0x176].map((index) => ({ index, value: 255n }));
    expect(() => writeMsrs(vcpu, msrs)).toThrow("KVM_SET_MSRS, 0x175 = 0xff: EINVAL");
    writeMsrs(vcpu, msrs.slice(2));
  });

  test("inRestoreOrder has the timer's deadline last", () => {
    const msrs = [0x6e0, 0x10, 0x174].map((index) => ({ index, value: 0n }));
    expect(inRestoreOrder(msrs).map((msr) => msr.index)).toEqual([0x10, 0x174, 0x6e0]);
  });
});

describe("registers", () => {
  test("writeRegisters sets those that are given and keeps the others", () => {
    const vcpu = new FakeVcpu();
    writeRegisters(vcpu, { rax: 1n, rip: 2n ** 64n - 1n });
    writeRegisters(vcpu, { rax: 5n, rflags: 2n });
    expect(readRegisters(vcpu)).toMatchObject({
      rax: 5n,
      rbx: 0n,
      rip: 2n ** 64n - 1n,
      rflags: 2n,
    });
  });

  test("writeSystemRegisters sets segments, tables and control registers and keeps the others", () => {
    const vcpu = new FakeVcpu();
    const { cs } = readSystemRegisters(vcpu);
    writeSystemRegisters(vcpu, { cs: { ...cs, base: 0xf_0000n, selector: 8, l: 1 }, cr4: 0x20n });
    writeSystemRegisters(vcpu, { idt: { base: 4096n, limit: 255 }, efer: 0x500n });
    expect(readSystemRegisters(vcpu)).toMatchObject({
      cs: { base: 0xf_0000n, selector: 8, l: 1, limit: 0 },
      ds: { base: 0n },
      idt: { base: 4096n, limit: 255 },
      gdt: { base: 0n, limit: 0 },
      cr4: 0x20n,
      efer: 0x500n,
      cr0: 0n,
    });
  });
});

function fakeWithState(): FakeVcpu {
  const vcpu = withoutMsr(new FakeVcpu(), 8);
  vcpu.answers.set("KVM_GET_TSC_KHZ", () => 2_000_000);
  vcpu.memory.set("CPUID2", bytesOf(packCpuid([LEAF])).slice());
  for (const [i, name] of [
    "MP_STATE",
    "REGS",
    "SREGS",
    "LAPIC",
    "VCPU_EVENTS",
    "XSAVE",
  ].entries()) {
    vcpu.memory.set(name, new Uint8Array(4096).fill(i + 1));
  }
  return vcpu;
}

describe("the state of a vCPU", () => {
  const options = { msrs: [7, 8, 9], xsaveBytes: 4096 };

  test("is got with its events last, and set so that nothing is undone", () => {
    const vcpu = fakeWithState();
    const state = saveVcpu(vcpu, options);
    expect(vcpu.log.at(-1)).toBe("KVM_GET_VCPU_EVENTS");
    const other = withoutMsr(new FakeVcpu(), 8);
    other.answers.set("KVM_GET_TSC_KHZ", () => 2_000_000);
    restoreVcpu(other, state, options);
    expect(other.log.filter((name) => name.startsWith("KVM_SET_"))).toEqual([
      "KVM_SET_CPUID2",
      "KVM_SET_MP_STATE",
      "KVM_SET_REGS",
      "KVM_SET_SREGS",
      "KVM_SET_XSAVE",
      "KVM_SET_XCRS",
      "KVM_SET_DEBUGREGS",
      "KVM_SET_LAPIC",
      "KVM_SET_MSRS",
      "KVM_SET_VCPU_EVENTS",
    ]);
    expect(saveVcpu(other, options)).toEqual(state);
    expect(readVcpuCpuid(other)).toEqual([LEAF]);
  });

  test("sets the frequency of the time stamp counter where that is another", () => {
    const vcpu = fakeWithState();
    const state = saveVcpu(vcpu, options);
    restoreVcpu(vcpu, { ...state, tscKhz: 1_000_000 }, options);
    expect(vcpu.log).toContain("KVM_SET_TSC_KHZ");
  });

  test("is refused with a part that is too short for KVM to read", () => {
    const vcpu = fakeWithState();
    const state = saveVcpu(vcpu, options);
    const restore = () => restoreVcpu(vcpu, { ...state, lapic: new Uint8Array(1000) }, options);
    expect(restore).toThrow("the state for KVM_SET_LAPIC has 1000 bytes, and not 1024");
  });

  test("has all of a larger XSAVE area", () => {
    const vcpu = fakeWithState();
    const state = saveVcpu(vcpu, { ...options, xsaveBytes: 11_008 });
    expect(state.xsave).toHaveLength(11_008);
    expect(vcpu.log).toContain("KVM_GET_XSAVE2");
  });
});
