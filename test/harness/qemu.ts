/**
 * One QEMU process: its arguments, its console, its control socket and its end. It dies with the process that started
 * it, and nothing here ends a process by name.
 */
import { join } from "node:path";
import { isProcessorFault, PROCESSOR_FAULT } from "../../build/processor-fault.ts";
import { ConsoleLog } from "./console-log.ts";
import { Qmp } from "./qmp.ts";

export interface QemuOptions {
  /** An empty folder of this machine's own. */
  readonly directory: string;
  readonly consolePath: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryMib: number;
  readonly cpus: number;
  /** Files that are virtio disks of the guest: /dev/vda and so on. */
  readonly disks: readonly string[];
  /** Whether the console is a virtio device in place of the serial port. */
  readonly hasVirtioConsole: boolean;
  /** The guest's TCP port that is forwarded from a free one of 127.0.0.1. */
  readonly guestPort: number;
}

export interface QemuEnd {
  /** QEMU's own exit status; 0 after a shutdown and, with -no-reboot, after a reset. */
  readonly code: number;
  /** `guest-shutdown`, `guest-reset` (a restart, or a panic), `host-qmp-quit`, or nothing when QEMU was killed. */
  readonly reason: string | undefined;
}

/**
 * All that QEMU can emulate, but for "fast string moves": with them the kernel copies and clears memory by `rep movsb`,
 * which the emulator does a byte at a time. Without, a boot takes a tenth less of the host's processor. And but for page
 * tables of five levels, which make each walk longer: another fifteenth.
 */
export const CPU = "max,erms=off,fsrm=off,la57=off";
/**
 * A chipset without what a boot has to look for and nobody here uses. The older `pc` costs the guest a third more
 * instructions up to its first answer: there each card's interrupt goes through an ACPI program, and HPET is calibrated.
 */
const MACHINE = "q35,hpet=off,smbus=off,sata=off,vmport=off";
/** A firmware that does what a Linux kernel needs, and nothing else; QEMU brings it. It saves a second over SeaBIOS. */
const FIRMWARE = "qboot.rom";

function argumentsOf(options: QemuOptions, qmpPath: string): string[] {
  return [
    ...[
      "-machine",
      MACHINE,
      "-accel",
      "tcg",
      "-cpu",
      CPU,
      "-m",
      `${options.memoryMib}`,
      "-smp",
      `${options.cpus}`,
    ],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-bios", FIRMWARE],
    ...["-kernel", options.kernel, "-initrd", options.initrd, "-append", options.commandLine],
    ...["-chardev", "stdio,id=console,signal=off"],
    ...(options.hasVirtioConsole
      ? ["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=console"]
      : ["-serial", "chardev:console"]),
    ...["-chardev", `socket,id=qmp,path=${qmpPath}`, "-mon", "chardev=qmp,mode=control"],
    ...["-netdev", `user,id=net0,hostfwd=tcp:127.0.0.1:0-:${options.guestPort}`],
    ...["-device", "virtio-net-pci,netdev=net0", "-device", "virtio-rng-pci"],
    ...options.disks.flatMap((file, at) => [
      ...["-drive", `if=none,id=disk${at},format=raw,file=${file}`],
      ...["-device", `virtio-blk-pci,drive=disk${at}`],
    ]),
  ];
}

/** Takes down what the guest and QEMU say, to the end. @returns QEMU's exit status */
export async function followConsole(
  process: Bun.Subprocess<"ignore", "pipe", "pipe">,
  console: ConsoleLog,
): Promise<number> {
  const decoder = new TextDecoder();
  const complaints = process.stderr.text();
  for await (const chunk of process.stdout) {
    console.append(decoder.decode(chunk, { stream: true }));
  }
  const code = await process.exited;
  console.append((await complaints).replace(/^/gm, "qemu: ").replace(/^qemu: $/m, ""));
  return code;
}

export class Qemu implements AsyncDisposable {
  readonly console: ConsoleLog;
  readonly exited: Promise<QemuEnd>;
  readonly qmp: Qmp;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;

  private constructor(options: QemuOptions, qmp: Qmp) {
    this.qmp = qmp;
    this.console = new ConsoleLog(options.consolePath);
    // The kernel kills QEMU with us, whatever way we end: prctl(PR_SET_PDEATHSIG) outlives exec.
    const wrapper = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"];
    this.#process = Bun.spawn([...wrapper, ...argumentsOf(options, qmp.path)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.exited = this.#watch();
  }

  static async start(options: QemuOptions): Promise<Qemu> {
    return new Qemu(options, await Qmp.listen(join(options.directory, "qmp")));
  }

  /** The port of 127.0.0.1 that leads into the guest. */
  async hostPort(): Promise<number> {
    const command = { "command-line": "info usernet" };
    const table = String(await this.qmp.execute("human-monitor-command", command));
    // TCP[HOST_FORWARD]  12       127.0.0.1 40123       10.0.2.15  8080     0     0
    const port = /\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(table)?.[1];
    if (port === undefined) {
      throw new Error(`find the forwarded port in what QEMU says:\n${table}`);
    }
    return Number(port);
  }

  /** Ends QEMU on the spot and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #watch(): Promise<QemuEnd> {
    const code = await followConsole(this.#process, this.console);
    this.qmp.close();
    const reason = await this.qmp.ended;
    if (reason === "guest-reset" && isProcessorFault(this.console.text)) {
      process.stderr.write(`${PROCESSOR_FAULT}\n${this.console.tail()}\n`);
    }
    this.console.end(`QEMU ended with ${code} (${reason ?? "no reason given"})`);
    return { code, reason };
  }
}
