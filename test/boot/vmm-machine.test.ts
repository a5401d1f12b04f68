/**
 * Debian's stock kernel in a machine of ours, in emulation: it takes its memory, processors and devices from what we
 * tell it, and ends by the ways that we give it. On the command line there is nothing but the console.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ensureKernel } from "../../build/kernel-package.ts";
import { DIST, inRoot } from "../../build/paths.ts";
import { type CpioEntry, cpioArchive } from "../../src/base/cpio.ts";
import { writeAcpiTables } from "../../src/vmm/acpi/write-tables.ts";
import { Image } from "../../src/vmm/boot/image.ts";
import { loadGuest } from "../../src/vmm/boot/load-guest.ts";
import { guestMemory, MIB, vmlinuxPayload } from "../harness/boot-images.ts";
import { LoadedMachine } from "../harness/loaded-machine.ts";

const READY_MS = 30_000;
const VCPUS = 3;
const VIRTIO_DEVICES = 2;
/** KEY_POWER pressed, as struct input_event: EV_KEY, 116, 1. */
const POWER_KEY = "0100740001000000";

const MODULES = [
  "virtio/virtio_ring",
  "virtio/virtio",
  "virtio/virtio_mmio",
  "acpi/button",
  "input/evdev",
];

/** What the guest prints of itself; then it waits for the button, and ends by the command given. */
function initScript(end: string): string {
  return `#!/bin/busybox sh
busybox mkdir /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
for module in ${MODULES.map((name) => basename(name)).join(" ")}; do
  busybox insmod /m/$module.ko
done
busybox cat /proc/iomem /proc/ioports /proc/interrupts
echo "processors: $(busybox nproc)"
echo "seconds: $(busybox cat /sys/class/rtc/rtc0/since_epoch)"
exec 3< /dev/input/event0
echo READY
echo "event: $(busybox dd bs=24 count=1 <&3 2>/dev/null | busybox hexdump -v -e '24/1 "%02x"')"
echo END
busybox ${end} -f
`;
}

function initrd(modulesDir: string, end: string): Uint8Array {
  const file = (path: string, content: Uint8Array): CpioEntry => ({
    kind: "file",
    path,
    mode: 0o755,
    content,
  });
  const drivers = MODULES.map((name) =>
    file(`m/${basename(name)}.ko`, readFileSync(join(modulesDir, `kernel/drivers/${name}.ko`))),
  );
  return cpioArchive([
    { kind: "directory", path: "bin", mode: 0o755 },
    { kind: "directory", path: "m", mode: 0o755 },
    file("bin/busybox", readFileSync("/usr/bin/busybox")),
    file("init", new TextEncoder().encode(initScript(end))),
    ...drivers,
  ]);
}

interface Boot {
  readonly name: string;
  readonly kernelOf: (image: Uint8Array) => Uint8Array;
  readonly end: "poweroff" | "reboot";
}

/** Boots, presses the button, and waits for the end. @returns the console and QEMU's exit status */
async function boot({ name, kernelOf, end }: Boot): Promise<{ console: string; code: number }> {
  const { image, modulesDir } = ensureKernel(inRoot(".cache"));
  const memory = guestMemory(256 * MIB);
  const rsdp = writeAcpiTables(memory, { vcpus: VCPUS, virtioDevices: VIRTIO_DEVICES });
  // Under KVM, its clock says how fast the TSC is; this emulation says it nowhere.
  const mhz = /^cpu MHz\s*: (\d+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "2000";
  const { cpu } = loadGuest(
    memory,
    {
      kernel: Image.ofBytes("kernel", kernelOf(readFileSync(image))),
      initrd: Image.ofBytes("initrd", initrd(modulesDir, end)),
      commandLine: `console=ttyS0 tsc_early_khz=${mhz}000`,
    },
    rsdp,
  );
  mkdirSync(join(DIST, "logs"), { recursive: true });
  const directory = mkdtempSync(join(tmpdir(), "vmm-machine-"));
  try {
    const log = join(DIST, `logs/vmm-machine-${name}.log`);
    await using machine = await LoadedMachine.start(directory, log, { memory, cpu, vcpus: VCPUS });
    await machine.console.waitFor(/^READY$/m, READY_MS);
    await machine.pressPowerButton();
    await machine.console.waitFor(/^END$/m, READY_MS);
    const code = await machine.exited;
    return { console: machine.console.text, code };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const BOOTS: readonly Boot[] = [
  { name: "bzimage", kernelOf: (image) => image, end: "poweroff" },
  { name: "pvh", kernelOf: (image) => vmlinuxPayload(image)!, end: "reboot" },
];

/** What the guest's write to its power register ends QEMU with. */
const CODES = { poweroff: 0x34 * 2 + 1, reboot: 1 * 2 + 1 };

describe.each(BOOTS)("a machine that is booted by $name", (wanted) => {
  test("finds all its devices, hears the power button, and ends by its register", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { console, code } = await boot(wanted);
    expect(console).toContain("[mem 0x00000000000e0000-0x00000000000effff] ACPI data");
    expect(console).toContain("[mem 0x0000000000100000-0x000000000fffffff] usable");
    expect(console).toContain("ACPI: 1 ACPI AML tables successfully acquired and loaded");
    expect(console).not.toMatch(/ACPI (?:BIOS )?(?:Error|Warning)|ACPI: .*(?:invalid|incorrect)/i);
    expect(console).toContain(`processors: ${VCPUS}`);
    // Nothing is behind the windows here; that the driver looked into them is enough.
    for (let index = 0; index < VIRTIO_DEVICES; index += 1) {
      expect(console).toContain(`virtio-mmio LNRO0005:0${index}: Wrong magic value 0x00000000`);
      expect(console).toContain(`d000${index}000-d000${index}fff : LNRO0005:0${index}`);
    }
    expect(console).toMatch(/00:00: ttyS0 at I\/O 0x3f8 \(irq = \d+, .*\) is a 16550A/);
    expect(console).toMatch(/4-edge +ttyS0/);
    expect(console).toMatch(/5-edge +ACPI:Ged/);
    const seconds = Number(/seconds: (\d+)/.exec(console)?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(before - 1);
    expect(seconds).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    // After the time of 16 bytes.
    expect(console).toMatch(new RegExp(`^event: [0-9a-f]{32}${POWER_KEY}$`, "m"));
    expect(code).toBe(CODES[wanted.end]);
  }, 80_000);
});
