/** vCPUs in threads of their own, on this host's /dev/kvm: kicks, interrupts, several at once, and their state. */
import { afterAll, describe, expect, test } from "bun:test";
import { EventFd } from "../../src/kernel/sys/event-fd.ts";
import { kickThread } from "../../src/kernel/sys/thread.ts";
import { supportedCpuid, writeVcpuCpuid } from "../../src/kernel/kvm/x86-64/cpuid.ts";
import { readRegisters } from "../../src/kernel/kvm/x86-64/registers.ts";
import { guestCpuid } from "../../src/kernel/kvm/x86-64/topology.ts";
import { takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForKvm } from "../harness/host.ts";
import { nextExit, TinyGuest } from "../harness/tiny-guest.ts";
import { VcpuThread } from "../harness/vcpu-thread.ts";

const missing = missingForKvm();
/** KVM's descriptors and eventfds; Bun keeps others for its Workers, whose ends take a while. */
const descriptors = () => takeCensus().descriptors.filter((target) => /kvm|eventfd/.test(target));
const before = descriptors();

afterAll(async () => {
  await eventually("the descriptors", () => Bun.deepEquals(descriptors(), before));
});

const HLT = 0xf4;
/** jmp to itself */
const SPIN = [0xeb, 0xfe];
/** out 0x80, al; jmp back */
const EXIT_LOOP = [0xe6, 0x80, 0xeb, 0xfc];
const MANY = 300;

if (missing !== undefined) {
  test.skip(`vCPUs in threads: needs /dev/kvm (${missing})`, () => undefined);
} else {
  describe("Vcpu.kick", () => {
    test.each([
      ["that never exits", SPIN, false],
      ["that exits all the time", EXIT_LOOP, false],
      ["that has halted in the kernel", [0xfa, HLT], true],
    ])("pauses a guest %s, every time", async (_, code, hasPlatform) => {
      using guest = new TinyGuest({ hasPlatform });
      await using thread = new VcpuThread(guest.realMode(code));
      for (let i = 0; i < MANY; i++) {
        await thread.command("pause");
        await thread.command("run");
      }
      await thread.command("stop");
      expect(await thread.ended).toEqual({ kind: "stopped" });
    });

    test("is not lost when it comes before there is a thread", async () => {
      using guest = new TinyGuest();
      const vcpu = guest.realMode(SPIN);
      vcpu.control.command = "pause";
      vcpu.kick();
      await using thread = new VcpuThread(vcpu);
      await thread.command("pause");
      expect(readRegisters(vcpu).rip).toBe(0x1000n);
      await thread.command("run");
    });

    test("leaves a guest running that nobody wants anything of, as any other signal does", async () => {
      using guest = new TinyGuest();
      const vcpu = guest.realMode(EXIT_LOOP);
      await using thread = new VcpuThread(vcpu);
      await eventually("the first exit", () => thread.board.writes(0x80) > 0);
      for (let i = 0; i < MANY; i++) {
        vcpu.kick();
        kickThread(vcpu.control.thread);
      }
      const before = thread.board.writes(0x80);
      await eventually("more exits", () => thread.board.writes(0x80) > before);
      expect(vcpu.control.phase).toBe("running");
    });

    test("refuses to ask for the state of a vCPU that runs, which would wait for ever", async () => {
      using guest = new TinyGuest();
      const vcpu = guest.realMode(SPIN);
      await using thread = new VcpuThread(vcpu);
      await vcpu.control.reached(["running"], 5000);
      expect(() => readRegisters(vcpu)).toThrow("KVM_GET_REGS of vCPU 0 has to wait");
      expect(() => vcpu[Symbol.dispose]()).toThrow("vCPU 0 is running: stop it");
      await thread.command("pause");
      expect(readRegisters(vcpu).rip).toBe(0x1000n);
      expect(() => vcpu[Symbol.dispose]()).toThrow("vCPU 0 is paused: stop it");
    });
  });

  describe("an interrupt by irqfd", () => {
    const HANDLER = 0x2000;
    const LINE = 4;
    const VECTOR = 0x20 + LINE;
    /** Sets the PIC up for vectors from 0x20 on and that line alone, then halts until interrupts come. */
    const code = [
      ...[0xb0, 0x11, 0xe6, 0x20], // mov al, 0x11; out 0x20, al
      ...[0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21],
      ...[0xb0, 0xff & ~(1 << LINE), 0xe6, 0x21],
      ...[0xe6, 0x81], // out 0x81, al: ready
      ...[0xfb, HLT, 0xeb, 0xfc], // sti; hlt; jmp back to sti
    ];
    /** inc byte [0x3000]; mov al, [0x3000]; out 0x80, al; mov al, 0x20; out 0x20, al; iret */
    const handler = [
      ...[0xfe, 0x06, 0x00, 0x30, 0xa0, 0x00, 0x30, 0xe6, 0x80],
      ...[0xb0, 0x20, 0xe6, 0x20, 0xcf],
    ];

    test("wakes a halted guest, once for each signal", async () => {
      using guest = new TinyGuest({ hasPlatform: true });
      using event = new EventFd();
      guest.load(HANDLER, handler);
      guest.load(VECTOR * 4, [HANDLER & 0xff, HANDLER >> 8, 0, 0]);
      guest.vm.connectInterrupt(event, LINE);
      await using thread = new VcpuThread(guest.realMode(code));
      const { board } = thread;
      await eventually("the guest", () => board.writes(0x81) > 0);
      for (let count = 1; count <= 5; count++) {
        event.signal();
        await eventually(`interrupt ${count}`, () => board.writes(0x80) >= count);
        expect(board.last(0x80)).toBe(count);
      }
      expect(() => guest.vm.connectInterrupt(event, LINE)).toThrow("KVM_IRQFD of a VM: EBUSY");
      guest.vm.disconnectInterrupt(event, LINE);
      event.signal();
      expect(event.take()).toBe(1n);
      await thread.command("pause");
      expect(board.writes(0x80)).toBe(5);
      await thread.command("run");
    });
  });

  describe("two vCPUs", () => {
    test("run at the same time in the same memory", async () => {
      using guest = new TinyGuest();
      // mov byte [own], 1; wait: cmp byte [other's], 1; jne wait; out 0x80, al; hlt
      const meet = (own: number, other: number, port: number) => [
        ...[0xc6, 0x06, own, 0x30, 1, 0x80, 0x3e, other, 0x30, 1, 0x75, 0xf9],
        ...[0xe6, port, HLT],
      ];
      const first = guest.realMode(meet(0, 1, 0x80), 0);
      const second = guest.realMode(meet(1, 0, 0x81), 1, 0x1800);
      await using a = new VcpuThread(first);
      await using b = new VcpuThread(second, a.board);
      expect(await Promise.all([a.ended, b.ended])).toEqual([{ kind: "halt" }, { kind: "halt" }]);
      expect([a.board.writes(0x80), b.board.writes(0x81)]).toEqual([1, 1]);
    });

    test("see by CPUID which one of how many they are", () => {
      using guest = new TinyGuest();
      const supported = supportedCpuid(guest.kvm.descriptor);
      // mov eax, 1; cpuid; hlt; mov eax, 0x40000000; cpuid; hlt, with the prefix for 32 bits
      const code = [
        ...[0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, HLT],
        ...[0x66, 0xb8, 0, 0, 0, 0x40, 0x0f, 0xa2, HLT],
      ];
      for (const index of [0, 1]) {
        const vcpu = guest.realMode(code, index);
        const topology = { index, count: 2, hasTscDeadline: true };
        writeVcpuCpuid(vcpu, guestCpuid(supported, topology));
        expect(nextExit(vcpu)).toEqual({ kind: "halt" });
        const { rbx, rcx } = readRegisters(vcpu);
        expect([rbx >> 24n, (rbx >> 16n) & 0xffn, rcx >> 31n]).toEqual([BigInt(index), 2n, 1n]);
        nextExit(vcpu);
        // "KVMK", of KVMKVMKVM (Documentation/virt/kvm/x86/cpuid.rst)
        expect(readRegisters(vcpu).rbx).toBe(0x4b4d_564bn);
      }
    });

    test("start one the other, by INIT and start-up interrupts of the local APIC", async () => {
      using guest = new TinyGuest({ hasPlatform: true });
      const AP_CODE = 0x1_0000;
      guest.load(AP_CODE, [0xb0, 0x77, 0xe6, 0x82, 0xfa, HLT]); // mov al, 0x77; out 0x82, al; cli; hlt
      /** mov dword [rbx + 0x300], to the APIC's command register: for all but itself (Intel SDM volume 3A 8.4.4.1) */
      const toOthers = (vector: number, mode: number) => [
        ...[0xc7, 0x83, 0x00, 0x03, 0x00, 0x00],
        ...[vector, mode, 0x0c, 0x00],
      ];
      const first = guest.longMode([
        ...[0xbb, 0x00, 0x00, 0xe0, 0xfe], // mov ebx, 0xfee00000
        ...toOthers(0, 0x45),
        ...toOthers(AP_CODE >> 12, 0x46),
        ...[0xe6, 0x80, 0xfa, HLT],
      ]);
      const second = guest.vcpu(1);
      await using a = new VcpuThread(first);
      await using b = new VcpuThread(second, a.board);
      await eventually("the second vCPU", () => b.board.writes(0x82) > 0);
      expect(b.board.last(0x82)).toBe(0x77);
      await eventually("the first vCPU", () => a.board.writes(0x80) > 0);
    });
  });
}
