/** vCPUs with a few instructions each, on this host's /dev/kvm: what they exit with. */
import { afterAll, describe, expect, test } from "bun:test";
import { Kvm } from "../../src/kernel/kvm/kvm.ts";
import { EventFd } from "../../src/kernel/sys/event-fd.ts";
import { UnsupportedError } from "../../src/kernel/sys/unsupported.ts";
import { readRegisters, writeRegisters } from "../../src/kernel/kvm/x86-64/registers.ts";
import {
  readSystemRegisters,
  writeSystemRegisters,
} from "../../src/kernel/kvm/x86-64/registers.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { missingForKvm } from "../harness/host.ts";
import { CODE, copied, nextExit, RAM_BYTES, TinyGuest } from "../harness/tiny-guest.ts";

const missing = missingForKvm();
const census = takeCensus();

afterAll(async () => {
  expect(await settledCensus(census)).toEqual(census);
});

test("Kvm.open says what to do where there is no KVM, and names what is none", () => {
  expect(() => Kvm.open("/nonexistent/kvm")).toThrow(UnsupportedError);
  expect(() => Kvm.open("/nonexistent/kvm")).toThrow("load the module kvm_intel or kvm_amd");
  expect(() => Kvm.open("/dev/null")).toThrow("KVM_GET_API_VERSION of /dev/null: ENOTTY");
});

const MMIO = 0xd000_0000;
const MMIO_BYTES = [0x00, 0x00, 0x00, 0xd0];
const HLT = 0xf4;
/** mov dx, port */
const port16 = (port: number) => [0xba, port & 0xff, port >> 8];
/** mov al, value */
const al = (value: number) => [0xb0, value];
const OUT_DX_AL = 0xee;
const IN_AL_DX = 0xec;

function portWrite(port: number, ...data: readonly number[]) {
  const bytes = new Uint8Array(data);
  return { kind: "port", isWrite: true, port, size: data.length, count: 1, data: bytes } as const;
}

if (missing !== undefined) {
  test.skip(`vCPUs on this host: needs /dev/kvm (${missing})`, () => undefined);
} else {
  describe("a vCPU in real mode", () => {
    test("writes to ports, reads from them what it is answered, and halts", () => {
      using guest = new TinyGuest();
      const code = [...port16(0x3f8), ...al(0x41), OUT_DX_AL, IN_AL_DX, OUT_DX_AL, HLT];
      const vcpu = guest.realMode(code);
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x3f8, 0x41));
      const read = nextExit(vcpu);
      expect(read).toMatchObject({ kind: "port", isWrite: false, port: 0x3f8, size: 1, count: 1 });
      if (read.kind === "port") {
        read.data[0] = 0x5a;
      }
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x3f8, 0x5a));
      expect(nextExit(vcpu)).toEqual({ kind: "halt" });
      expect(readRegisters(vcpu).rip).toBe(BigInt(CODE + code.length));
    });

    test("has its own memory up to the last byte, and mmio behind it", () => {
      using guest = new TinyGuest();
      // mov byte [0xffff], 0x11; mov byte [es:0], 0x22; mov al, [es:1]; out 0x80, al; hlt
      const store = [0xc6, 0x06, 0xff, 0xff, 0x11, 0x26, 0xc6, 0x06, 0, 0, 0x22];
      const vcpu = guest.realMode([...store, 0x26, 0xa0, 1, 0, 0xe6, 0x80, HLT]);
      const { ds, es } = readSystemRegisters(vcpu);
      writeSystemRegisters(vcpu, {
        ds: { ...ds, base: BigInt(RAM_BYTES - 0x1_0000) },
        es: { ...es, base: BigInt(RAM_BYTES) },
      });
      const write = copied(nextExit(vcpu));
      expect(guest.ram.bytes[RAM_BYTES - 1]).toBe(0x11);
      const data = new Uint8Array([0x22]);
      expect(write).toEqual({ kind: "mmio", isWrite: true, address: RAM_BYTES, data });
      const read = nextExit(vcpu);
      expect(read).toMatchObject({ kind: "mmio", isWrite: false, address: RAM_BYTES + 1 });
      if (read.kind === "mmio") {
        read.data[0] = 0x77;
      }
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x80, 0x77));
    });

    test("makes one exit of a string instruction", () => {
      using guest = new TinyGuest();
      guest.load(0x4000, [1, 2, 3, 4, 5, 6]);
      // mov si, 0x4000; mov cx, 6; cld; rep outsb; hlt
      const code = [0xbe, 0x00, 0x40, 0xb9, 6, 0, 0xfc, ...port16(0x99), 0xf3, 0x6e, HLT];
      const vcpu = guest.realMode(code);
      const seen: number[] = [];
      for (let exit = nextExit(vcpu); exit.kind === "port"; exit = nextExit(vcpu)) {
        expect(exit).toMatchObject({ isWrite: true, port: 0x99, size: 1 });
        expect(exit.data).toHaveLength(exit.count);
        seen.push(...exit.data);
      }
      expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    });
  });

  describe("a vCPU in 64-bit mode", () => {
    test("writes to ports and mmio with the widths of its instructions", () => {
      using guest = new TinyGuest();
      const vcpu = guest.longMode([
        ...[0xb8, 0x78, 0x56, 0x34, 0x12], // mov eax, 0x12345678
        ...[0xba, 0x80, 0x00, 0x00, 0x00], // mov edx, 0x80
        0xef, // out dx, eax
        ...[0xbb, ...MMIO_BYTES], // mov ebx, MMIO
        ...[0x88, 0x03, 0x66, 0x89, 0x03, 0x89, 0x03], // mov [rbx], al; ax; eax
        ...[0x48, 0x8b, 0x4b, 0x08], // mov rcx, [rbx+8]
        ...[0x48, 0x89, 0x0b], // mov [rbx], rcx
        HLT,
      ]);
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x80, 0x78, 0x56, 0x34, 0x12));
      for (const data of [[0x78], [0x78, 0x56], [0x78, 0x56, 0x34, 0x12]]) {
        const write = { kind: "mmio", isWrite: true, address: MMIO, data: new Uint8Array(data) };
        expect(copied(nextExit(vcpu))).toEqual(write as never);
      }
      const read = nextExit(vcpu);
      expect(read).toMatchObject({ isWrite: false, address: MMIO + 8, data: { length: 8 } });
      if (read.kind === "mmio") {
        read.data.set([1, 2, 3, 4, 5, 6, 7, 8]);
      }
      const data = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
      const write = { kind: "mmio", isWrite: true, address: MMIO, data } as const;
      expect(copied(nextExit(vcpu))).toEqual(write);
      expect(nextExit(vcpu)).toEqual({ kind: "halt" });
      expect(readRegisters(vcpu).rcx).toBe(0x0807_0605_0403_0201n);
    });

    test("shuts down by a triple fault", () => {
      using guest = new TinyGuest();
      const vcpu = guest.longMode([0x0f, 0x0b]); // ud2, without an IDT
      expect(nextExit(vcpu)).toEqual({ kind: "shutdown" });
    });
  });

  test("a vCPU whose code is where no memory is can't go on, and says so", () => {
    using guest = new TinyGuest();
    const vcpu = guest.longMode([HLT]);
    writeRegisters(vcpu, { rip: BigInt(MMIO) });
    const exit = nextExit(vcpu);
    expect(exit).toMatchObject({ kind: "internal-error", suberror: 1 });
  });

  describe("an ioeventfd", () => {
    /** out 0x90, al with 1, 2, 2; mov dword [MMIO + 0x50], 1 and 2; out 0x80, al; hlt */
    const code = [
      ...al(1),
      ...[0xe6, 0x90],
      ...al(2),
      ...[0xe6, 0x90, 0xe6, 0x90],
      ...[0xbb, ...MMIO_BYTES],
      ...[0xc7, 0x43, 0x50, 1, 0, 0, 0, 0xc7, 0x43, 0x50, 2, 0, 0, 0],
      ...[0xe6, 0x80, HLT],
    ];

    test("gets the guest's writes to a port and to mmio in place of exits", () => {
      using guest = new TinyGuest();
      using port = new EventFd();
      using mmio = new EventFd();
      guest.vm.connectWrite(port, { space: "port", address: 0x90, bytes: 1 });
      guest.vm.connectWrite(mmio, { space: "mmio", address: MMIO + 0x50, bytes: 4 });
      const vcpu = guest.longMode(code);
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x80, 2));
      expect([port.take(), mmio.take()]).toEqual([3n, 2n]);
    });

    test("gets only writes of its value, and none once it is disconnected", () => {
      using guest = new TinyGuest();
      using two = new EventFd();
      const mmio = { space: "mmio", address: MMIO + 0x50, bytes: 4, value: 2n } as const;
      const port = { space: "port", address: 0x90, bytes: 1, value: 2n } as const;
      guest.vm.connectWrite(two, mmio);
      guest.vm.connectWrite(two, port);
      expect(() => guest.vm.connectWrite(two, port)).toThrow("KVM_IOEVENTFD of a VM: EEXIST");
      const vcpu = guest.longMode(code);
      expect(copied(nextExit(vcpu))).toEqual(portWrite(0x90, 1));
      expect(nextExit(vcpu)).toMatchObject({ kind: "mmio", address: MMIO + 0x50 });
      expect(two.take()).toBe(2n);
      guest.vm.disconnectWrite(two, mmio);
      expect(() => guest.vm.disconnectWrite(two, mmio)).toThrow("ENOENT");
      const two32 = new Uint8Array([2, 0, 0, 0]);
      const write = { kind: "mmio", isWrite: true, address: MMIO + 0x50, data: two32 } as const;
      expect(copied(nextExit(vcpu))).toEqual(write);
      expect(two.take()).toBe(0n);
    });
  });

  describe("a VM", () => {
    test("has each vCPU once, and no more than the host can", () => {
      using guest = new TinyGuest();
      const first = guest.vcpu(0);
      expect(first.index).toBe(0);
      for (const index of [0, -1, 0.5, guest.kvm.maxVcpus]) {
        expect(() => guest.vm.createVcpu(index)).toThrow(`no vCPU ${index}`);
      }
    });

    test("refuses memory over memory, and has more where there is none", () => {
      using guest = new TinyGuest();
      expect(() => guest.vm.addMemory({ start: 0x1000, bytes: 0x1000 })).toThrow("it overlaps");
      const high = guest.vm.addMemory({ start: MMIO, bytes: 0x1000 });
      high.bytes.set([HLT]);
      expect(guest.vm.memory.map(({ start }) => start)).toEqual([0, MMIO]);
      const vcpu = guest.longMode([0xbb, ...MMIO_BYTES, 0xc6, 0x43, 0x10, 0x66, 0xff, 0xe3]);
      expect(nextExit(vcpu)).toEqual({ kind: "halt" });
      expect(high.bytes[0x10]).toBe(0x66);
    });

    test("makes mmio of writes to memory that is read-only", () => {
      using guest = new TinyGuest();
      const rom = guest.vm.addMemory({ start: MMIO, bytes: 0x1000, isReadOnly: true });
      rom.bytes[4] = 0x5c;
      // mov ebx, MMIO; mov al, [rbx+4]; mov [rbx], al; hlt
      const vcpu = guest.longMode([0xbb, ...MMIO_BYTES, 0x8a, 0x43, 4, 0x88, 0x03, HLT]);
      const data = new Uint8Array([0x5c]);
      const write = { kind: "mmio", isWrite: true, address: MMIO, data } as const;
      expect(copied(nextExit(vcpu))).toEqual(write);
      expect(rom.bytes[0]).toBe(0);
    });

    test("leaves empty views when it goes, and its vCPUs can't be used any more", () => {
      const guest = new TinyGuest();
      const vcpu = guest.vcpu();
      const { bytes } = guest.ram;
      guest[Symbol.dispose]();
      expect(bytes).toHaveLength(0);
      expect(() => readRegisters(vcpu)).toThrow("EBADF");
    });
  });
}
