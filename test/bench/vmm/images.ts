/**
 * What vmm.bench.ts puts into the test VM: QEMU from Debian's package with all it is linked against, the modules that make
 * the test VM a host of machines, and the guest that both monitors boot.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { resolveModules } from "../../../build/modules.ts";
import type { KernelPackage } from "../../../build/kernel-package.ts";
import { run } from "../../../build/run.ts";
import { type CpioEntry, cpioArchive } from "../../../src/base/cpio.ts";
import { librariesOf } from "../../../initramfs/libraries.ts";
import { DEFINES, DISK_BYTES } from "./marks.ts";
import { CONTROLS, type ControlName, type Parts, type Qemu, type Snapshot } from "./monitors.ts";

/** Where all of it is in the test VM. */
const HOME = "/bench";
export const PARTS: Parts = {
  host: `${HOME}/host`,
  auraed: "/bin/auraed",
  kernel: `${HOME}/vmlinuz`,
  initrd: `${HOME}/initrd`,
  disk: `${HOME}/disk`,
};
export const GUEST_QEMU: Qemu = {
  program: `${HOME}/qemu`,
  data: HOME,
  firmware: `${HOME}/firmware`,
  cpu: "host",
};
export const SNAPSHOT: Snapshot = { state: `${HOME}/state`, memory: `${HOME}/memory` };

export function controlPath(name: ControlName): string {
  return `${HOME}/control-${name}`;
}

/** Makes the test VM a host of machines. The disk is a file in memory, so it is always in the page cache. */
export const PREPARE = [
  "set -e",
  `for module in ${HOME}/m/*.ko; do busybox insmod $module; done`,
  "mount -t tracefs tracefs /sys/kernel/tracing",
  `dd if=/dev/urandom of=${PARTS.disk} bs=1M count=${DISK_BYTES / 2 ** 20} 2>/dev/null`,
  `touch ${SNAPSHOT.state} ${SNAPSHOT.memory}`,
].join("\n");

const QEMU = "/usr/bin/qemu-system-x86_64";
/** The firmware of its microvm. */
const FIRMWARE = "/usr/share/qemu/qboot.rom";
const HOST_MODULES = ["kvm_amd", "tun"];
const GUEST_MODULES = ["virtio_mmio", "virtio_blk", "virtio_net"];

const C_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", ...DEFINES];

function file(path: string, content: Uint8Array): CpioEntry {
  return { kind: "file", path, mode: 0o755, content };
}

/** Modules as files whose names, in order, are the order in which they load. */
function modules(directory: string, wanted: readonly string[], home: string): CpioEntry[] {
  return resolveModules(directory, wanted).map(({ path, content }, index) =>
    file(`${home}/${String(index).padStart(2, "0")}-${basename(path)}`, content),
  );
}

async function compile(out: string, sources: readonly string[], ...flags: string[]): Promise<void> {
  const paths = sources.map((name) => join(import.meta.dir, name));
  await run(["gcc", ...C_FLAGS, ...flags, "-o", out, ...paths]);
}

/** The program host. @returns its path */
export async function buildHost(folder: string): Promise<string> {
  const out = join(folder, "host");
  await compile(out, ["host.c", "host-net.c", "host-trace.c", "host-memory.c"]);
  return out;
}

/** The initramfs of the guest. */
async function guestInitrd(folder: string, modulesDir: string): Promise<Uint8Array> {
  const init = join(folder, "guest");
  await compile(init, ["guest.c"], "-Wl,-e,first_instruction");
  return cpioArchive([
    file("init", readFileSync(init)),
    ...modules(modulesDir, GUEST_MODULES, "m"),
    { kind: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "character-device", path: "dev/ttyS0", mode: 0o600, major: 4, minor: 64 },
  ]);
}

/** What the test VM needs beside its own image. @param folder for what the compiler makes */
export async function hostArchive(folder: string, kernel: KernelPackage): Promise<Uint8Array> {
  const home = HOME.slice(1);
  const qemu = readFileSync(QEMU);
  return cpioArchive([
    file(`${home}/host`, readFileSync(await buildHost(folder))),
    file(`${home}/vmlinuz`, readFileSync(kernel.image)),
    file(`${home}/initrd`, await guestInitrd(folder, kernel.modulesDir)),
    file(`${home}/qemu`, qemu),
    file(`${home}/firmware`, readFileSync(FIRMWARE)),
    ...modules(kernel.modulesDir, HOST_MODULES, `${home}/m`),
    ...librariesOf(qemu).map(({ path, content }) => file(path.slice(1), content)),
    ...Object.entries(CONTROLS).map(([name, text]) =>
      file(`${home}/control-${name}`, new TextEncoder().encode(text)),
    ),
  ]);
}
