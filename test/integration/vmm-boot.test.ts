/**
 * A machine as it is put together for a guest, on the host's own /dev/kvm: kernels of a few instructions, loaded as real
 * ones are, say over the serial port what they were told, and turn the machine off.
 */
import { describe, expect, test } from "bun:test";
import { Kvm } from "../../src/kernel/kvm/kvm.ts";
import type { Vcpu } from "../../src/kernel/kvm/vcpu.ts";
import {
  readSystemRegisters,
  writeRegisters,
  writeSystemRegisters,
} from "../../src/kernel/kvm/x86-64/registers.ts";
import { writeAcpiTables } from "../../src/vmm/acpi/write-tables.ts";
import { PT_LOAD, PT_NOTE } from "../../src/vmm/boot/elf-headers.ts";
import { Image } from "../../src/vmm/boot/image.ts";
import { type LoadedGuest, loadGuest } from "../../src/vmm/boot/load-guest.ts";
import { Bus } from "../../src/vmm/devices/bus.ts";
import { AcpiPower, type PowerEvent } from "../../src/vmm/devices/power.ts";
import { Serial } from "../../src/vmm/devices/serial.ts";
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { ACPI_POWER_PORTS, memoryRanges, SERIAL_PORTS } from "../../src/vmm/memory-map.ts";
import { bzImage, elfFile, elfNote, MIB } from "../harness/boot-images.ts";
import { missingForKvm } from "../harness/host.ts";
import { nextExit } from "../harness/tiny-guest.ts";

const missing = missingForKvm();
const ADDRESS = 2 * MIB;
const MAX_EXITS = 100;

/** mov $0x3f8, %edx */
const SERIAL = [0xba, 0xf8, 0x03, 0, 0];
const OUT = 0xee;
/** mov $0x18, %eax; mov %eax, %ds: needs the GDT. */
const LOAD_SEGMENT = [0xb8, 0x18, 0, 0, 0, 0x8e, 0xd8];
/** push %rax; pop %rax */
const USE_STACK = [0x50, 0x58];
/** mov $0x600, %dx; mov $0x34, %al; out; hlt */
const TURN_OFF = [0x66, 0xba, 0x00, 0x06, 0xb0, 0x34, OUT, 0xf4];
/** Of the zero page in RSI: the header's first letter, and that of the command line. */
const LINUX_64 = [
  ...SERIAL,
  ...[0x8a, 0x86, 0x02, 0x02, 0, 0, OUT],
  ...[0x8b, 0x9e, 0x28, 0x02, 0, 0, 0x8a, 0x03, OUT],
  ...USE_STACK,
  ...LOAD_SEGMENT,
  ...TURN_OFF,
];
/** Of the start info in EBX: the magic number's first byte, and the first letter of the command line. */
const PVH = [
  ...SERIAL,
  ...[0x8a, 0x03, OUT],
  ...[0x8b, 0x73, 0x18, 0x8a, 0x06, OUT],
  ...LOAD_SEGMENT,
  ...TURN_OFF,
];

function elf(code: readonly number[], isPvh: boolean): Uint8Array {
  const entry = new Uint8Array(8);
  new DataView(entry.buffer).setUint32(0, ADDRESS, true);
  const load = { type: PT_LOAD, physicalAddress: ADDRESS, bytes: new Uint8Array(code) };
  const note = { type: PT_NOTE, physicalAddress: 0, bytes: elfNote("Xen", 18, entry) };
  return elfFile(ADDRESS, isPvh ? [load, note] : [load]);
}

function bzImageOf(code: readonly number[]): Uint8Array {
  const kernel = new Uint8Array(1024);
  kernel.set(code, 0x200);
  return bzImage(kernel);
}

/** A machine with its devices, of which one vCPU runs until the guest ends. */
class Machine implements Disposable {
  readonly sent: number[] = [];
  readonly events: PowerEvent[] = [];
  readonly #stack = new DisposableStack();
  readonly #ports = new Bus("pio");
  readonly #vcpu: Vcpu;
  readonly guest: LoadedGuest;

  constructor(kernel: Uint8Array) {
    const vm = this.#stack.use(this.#stack.use(Kvm.open()).createVm());
    const ranges = memoryRanges(16 * MIB);
    const regions = ranges.map(({ start, length }) => vm.addMemory({ start, bytes: length }));
    const memory = new GuestMemory(regions);
    const rsdp = writeAcpiTables(memory, { vcpus: 1, virtioDevices: 0 });
    const image = Image.ofBytes("kernel", kernel);
    this.guest = loadGuest(memory, { kernel: image, commandLine: "quiet" }, rsdp);
    const interrupt = { trigger: () => undefined };
    const serial = new Serial({
      interrupt,
      output: (byte) => void this.sent.push(byte),
      inputWanted: () => undefined,
    });
    const power = new AcpiPower(interrupt, (event) => void this.events.push(event));
    this.#ports.add(SERIAL_PORTS.port, SERIAL_PORTS.count, serial);
    this.#ports.add(ACPI_POWER_PORTS.port, ACPI_POWER_PORTS.count, power);
    this.#vcpu = this.#stack.use(vm.createVcpu(0));
  }

  /** From where the boot CPU starts. */
  boot(): void {
    writeSystemRegisters(this.#vcpu, this.guest.cpu.sregs);
    writeRegisters(this.#vcpu, this.guest.cpu.regs);
    this.#run();
  }

  /** From where a kernel jumps to in real mode to have the BIOS reset the machine: f000:fff0. */
  jumpToBios(): void {
    const { cs } = readSystemRegisters(this.#vcpu);
    writeSystemRegisters(this.#vcpu, { cs: { ...cs, base: 0xf_0000n, selector: 0xf000 } });
    writeRegisters(this.#vcpu, { rip: 0xfff0n, rflags: 2n });
    this.#run();
  }

  #run(): void {
    for (let exits = 0; this.events.length === 0 && exits < MAX_EXITS; exits += 1) {
      const exit = nextExit(this.#vcpu);
      if (exit.kind !== "port" || !exit.isWrite || !this.#ports.write(exit.port, exit.data)) {
        throw new Error(`run the guest: ${JSON.stringify(exit)}`);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

if (missing !== undefined) {
  test.skip(`a machine on this host: needs /dev/kvm (${missing})`, () => undefined);
} else {
  describe("a machine", () => {
    test.each([
      ["an ELF file by the 64-bit protocol", elf(LINUX_64, false), "Hq"],
      ["a bzImage by the 64-bit protocol", bzImageOf(LINUX_64), "Hq"],
      ["an ELF file by PVH", elf(PVH, true), "xq"],
    ])("boots %s, which finds what it is told, and turns it off", (_, kernel, text) => {
      using machine = new Machine(kernel);
      machine.boot();
      expect(Buffer.from(machine.sent).toString()).toBe(text);
      expect(machine.events).toEqual(["off"]);
    });

    test("is reset by a jump into the BIOS", () => {
      using machine = new Machine(elf(PVH, true));
      machine.jumpToBios();
      expect(machine.events).toEqual(["reset"]);
    });
  });
}
