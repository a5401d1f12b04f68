/** How host.c is to run either monitor, so that both have the same machine: one vCPU, a disk, a network card, a serial port. */
import type { MachineConfig } from "../../../src/vmm/protocol/machine-config.ts";
import { RUNTIME_ENV } from "../../../src/vmm/protocol/runtime-env.ts";
import { END, FIRST_INSTRUCTION, GUEST_BYTES, LOOP } from "./marks.ts";

/** The guest gets no console: what the kernel says would cost each monitor what its serial port costs. */
const COMMAND_LINE = "panic=-1 quiet";
const TAP = "bench0";

/** Where the parts of a machine are. */
export interface Parts {
  /** The program host. */
  readonly host: string;
  readonly auraed: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

/**
 * microvm with the least that a stock kernel boots by: ACPI is how that finds its devices, qboot the firmware that needs no
 * option ROM, the kernel's clock is KVM's, and without a clock of a PC it would look for one twenty thousand times.
 */
const MICROVM = "microvm,acpi=on,x-option-roms=off,pit=off,pic=off,rtc=on,isa-serial=on";

function hostFlags(last: string | undefined): string[] {
  return ["--memory", `${GUEST_BYTES}`, ...(last === undefined ? [] : ["--last", last])];
}

export interface Qemu {
  readonly program: string;
  /** Its folder of firmware, and which it is. */
  readonly data: string;
  readonly firmware: string;
  readonly cpu: string;
}

/** QEMU up to the end of the guest's work; without parts, up to the first byte of its firmware. */
function qemuArguments({ program, data, firmware, cpu }: Qemu, more: readonly string[]): string[] {
  return [
    ...[program, "-M", MICROVM, "-accel", "kvm", "-cpu", cpu, "-m", `${GUEST_BYTES / 2 ** 20}`],
    ...["-smp", "1", "-L", data, "-bios", firmware],
    ...["-nodefaults", "-no-user-config", "-display", "none"],
    ...["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"],
    ...more,
  ];
}

export function qemuRun(qemu: Qemu, parts: Parts): string[] {
  const { host, kernel, initrd, disk } = parts;
  return [
    ...[host, ...hostFlags(END), "--trace", "--serial", "1", "--tap", `9=${TAP}`, "--"],
    ...qemuArguments(qemu, [
      ...["-kernel", kernel, "-initrd", initrd, "-append", COMMAND_LINE],
      ...["-drive", `if=none,id=disk,format=raw,file=${disk}`],
      ...["-device", "virtio-blk-device,drive=disk"],
      ...["-netdev", "tap,id=net,fd=9,vhost=off", "-device", "virtio-net-device,netdev=net"],
    ]),
  ];
}

/** QEMU up to the first byte of a firmware that does nothing else. */
export function qemuStart(host: string, qemu: Qemu): string[] {
  const flags = hostFlags(FIRST_INSTRUCTION);
  return [host, ...flags, "--serial", "1", "--", ...qemuArguments(qemu, [])];
}

const DISKS = [{ fd: 8, isReadOnly: false, serial: "bench" }];
const NICS = [{ fd: 9, mac: "52:54:00:00:00:01", mtu: 1500 }];

function message(id: number, method: string, params: unknown = {}): string {
  return `${JSON.stringify({ id, method, params })}\n`;
}

type Devices = Pick<MachineConfig, "disks" | "nics">;
const DEVICES: Devices = { disks: DISKS, nics: NICS };

function create(boot: MachineConfig["boot"], devices: Devices): string {
  const config: MachineConfig = {
    version: 1,
    id: "bench",
    vcpus: 1,
    memoryBytes: GUEST_BYTES,
    kvmFd: 5,
    boot,
    ...devices,
    console: { columns: 80, rows: 25 },
    hasBalloon: false,
  };
  return message(1, "create", config);
}

/** What is said to `auraed vmm`, as host.c reads it. */
export const CONTROLS = {
  run:
    create({ kernelFd: 6, initrdFds: [7], commandLine: COMMAND_LINE }, DEVICES) + message(2, "run"),
  /** The kernel alone. */
  start:
    create({ kernelFd: 6, initrdFds: [], commandLine: "" }, { disks: [], nics: [] }) +
    message(2, "run"),
  save:
    create({ kernelFd: 6, initrdFds: [7], commandLine: `${COMMAND_LINE} -- loop` }, DEVICES) +
    message(2, "run") +
    `wait ${LOOP}\n` +
    message(3, "pause") +
    "attach 10 11\n" +
    message(4, "snapshot"),
  restore: create({ snapshot: { stateFd: 10, memoryFd: 11 } }, DEVICES) + message(2, "run"),
} as const;
export type ControlName = keyof typeof CONTROLS;

/** @param control the file of what is said to it @param flags what more host.c is told */
function oursArguments(
  { host, auraed, control }: Ours,
  kernel: string,
  flags: readonly string[],
): string[] {
  const env = Object.entries(RUNTIME_ENV).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const given = ["--control", control, "--serial", "2", "--open", "5=/dev/kvm"];
  return [host, ...env, ...given, "--open", `6=${kernel}`, ...flags, "--", auraed, "vmm"];
}

export interface Ours {
  readonly host: string;
  readonly auraed: string;
  readonly control: string;
}

/** The kernel alone, up to its first byte. */
export function oursStart(ours: Ours, kernel: string): string[] {
  return oursArguments(ours, kernel, hostFlags(FIRST_INSTRUCTION));
}

export interface Snapshot {
  readonly state: string;
  readonly memory: string;
}

function machine(control: string, parts: Parts, flags: readonly string[]): string[] {
  const { host, auraed, kernel, initrd, disk } = parts;
  const devices = ["--open", `7=${initrd}`, "--open", `8=${disk}`, "--tap", `9=${TAP}`];
  return oursArguments({ host, auraed, control }, kernel, [...devices, ...flags]);
}

function snapshotFlags({ state, memory }: Snapshot): string[] {
  return ["--open", `10=${state}`, "--open", `11=${memory}`];
}

export function oursRun(control: string, parts: Parts): string[] {
  return machine(control, parts, [...hostFlags(END), "--trace"]);
}

export function oursSave(control: string, parts: Parts, snapshot: Snapshot): string[] {
  return machine(control, parts, [...hostFlags(undefined), ...snapshotFlags(snapshot)]);
}

/** Up to the first thing that the guest does again. */
export function oursRestore(control: string, parts: Parts, snapshot: Snapshot): string[] {
  const flags = [...hostFlags(LOOP), "--first", LOOP, "--trace", ...snapshotFlags(snapshot)];
  return machine(control, parts, flags);
}
