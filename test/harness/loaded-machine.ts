/**
 * A guest's memory and the registers of its boot CPU, as our monitor would start it, in QEMU's emulation of a small
 * machine instead: so that kernels say what they think of them, on hosts without KVM, too.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot } from "../../build/paths.ts";
import { run } from "../../build/run.ts";
import { RESET_CODE } from "../../src/vmm/boot/reset-vector.ts";
import type { BootCpuState } from "../../src/vmm/boot/cpu-state.ts";
import type { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { ACPI_POWER_PORTS, POWER_BUTTON_GSI } from "../../src/vmm/memory-map.ts";
import { ConsoleLog } from "./console-log.ts";
import { CPU, followConsole } from "./qemu.ts";
import { Qmp } from "./qmp.ts";

/** The interrupt enable register of a second serial port, which is there for its interrupt alone. */
const BUTTON_PORT = 0x2f8;
const INTERRUPT_ENABLE = BUTTON_PORT + 1;

const MACHINE = "microvm,acpi=off,rtc=on,isa-serial=on,auto-kernel-cmdline=off,memory-backend=ram";

export interface LoadedGuest {
  readonly memory: GuestMemory;
  readonly cpu: BootCpuState;
  readonly vcpus: number;
}

/** The firmware that sets the registers. @returns its path */
async function firmware(directory: string, { regs, sregs }: BootCpuState): Promise<string> {
  const values = {
    RIP: regs.rip,
    RSP: regs.rsp,
    RSI: regs.rsi,
    RBX: regs.rbx,
    CR0: sregs.cr0,
    CR3: sregs.cr3,
    CR4: sregs.cr4,
    EFER: sregs.efer,
    CS: sregs.cs.selector,
    DS: sregs.ds.selector,
    GDT_BASE: sregs.gdt.base,
    GDT_LIMIT: sregs.gdt.limit,
    RESET_CODE: [...RESET_CODE].join(","),
  };
  const defines = Object.entries(values).map(([name, value]) => `-D${name}=${value}`);
  const object = join(directory, "enter.o");
  const image = join(directory, "enter.bin");
  await run(["gcc", "-c", ...defines, "-o", object, inRoot("test/harness/enter-guest.S")]);
  await run(["ld", "-Ttext", "0xffff0000", "--oformat", "binary", "-o", image, object]);
  return image;
}

export class LoadedMachine implements AsyncDisposable {
  readonly console: ConsoleLog;
  /** QEMU's exit status. A byte that the guest wrote to a power register ends it with twice that byte and one. */
  readonly exited: Promise<number>;
  readonly #qmp: Qmp;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;

  private constructor(words: readonly string[], qmp: Qmp, consolePath: string) {
    this.console = new ConsoleLog(consolePath);
    this.#qmp = qmp;
    const command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", ...words];
    this.#process = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    this.exited = this.#watch();
  }

  /** @param directory an empty folder of its own; the guest's memory is a file in it */
  static async start(
    directory: string,
    consolePath: string,
    guest: LoadedGuest,
  ): Promise<LoadedMachine> {
    const memory = join(directory, "memory");
    const bytes = guest.memory.regions[0]?.bytes ?? new Uint8Array(0);
    writeFileSync(memory, bytes);
    const qmp = await Qmp.listen(join(directory, "qmp"));
    const registers = [0, 2].map((offset) => ACPI_POWER_PORTS.port + offset);
    const words = [
      ...["-machine", MACHINE, "-accel", "tcg", "-cpu", CPU, "-smp", `${guest.vcpus}`],
      ...["-m", `size=${bytes.length}B`, "-bios", await firmware(directory, guest.cpu)],
      ...["-object", `memory-backend-file,id=ram,size=${bytes.length},mem-path=${memory},share=on`],
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
      ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
      ...["-chardev", "null,id=button"],
      "-device",
      `isa-serial,chardev=button,iobase=${BUTTON_PORT},irq=${POWER_BUTTON_GSI},index=1`,
      ...registers.flatMap((port) => ["-device", `isa-debug-exit,iobase=${port},iosize=1`]),
      ...["-chardev", `socket,id=qmp,path=${qmp.path}`, "-mon", "chardev=qmp,mode=control"],
    ];
    return new LoadedMachine(words, qmp, consolePath);
  }

  /** Raises the interrupt of the power button. */
  async pressPowerButton(): Promise<void> {
    const command = `o /b ${INTERRUPT_ENABLE} 2`;
    await this.#qmp.execute("human-monitor-command", { "command-line": command });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited;
  }

  async #watch(): Promise<number> {
    const code = await followConsole(this.#process, this.console);
    this.#qmp.close();
    this.console.end(`QEMU ended with ${code}`);
    return code;
  }
}
