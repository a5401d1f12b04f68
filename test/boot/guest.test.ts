/**
 * What a machine does as a guest, as far as QEMU's emulation shows it: a console by virtio alone, drives and addresses by
 * its site. What takes our own monitor is in vmm-*.test.ts.
 */
import { afterAll, describe, expect } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsText, networkText } from "../../src/base/machine-files.ts";
import { inGuest } from "../harness/in-guest.ts";
import { machine, vmTest } from "../harness/vm-test.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-guest-"));

afterAll(() => rmSync(folder, { recursive: true }));

function emptyImage(name: string, mib: number): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  truncateSync(path, mib * 1024 * 1024);
  return path;
}

function ext4Image(): string {
  const path = emptyImage("ext4", 8);
  const { exitCode, stderr } = Bun.spawnSync(["/usr/sbin/mkfs.ext4", "-q", path]);
  expect(`${exitCode} ${stderr.toString()}`).toBe("0 ");
  return path;
}

/** An empty FAT12 of 1 MiB, by Microsoft's own description of its boot sector. */
function vfatImage(): string {
  const image = Buffer.alloc(1024 * 1024);
  image.set([0xeb, 0x3c, 0x90]);
  image.write("AURAED  ", 3);
  image.writeUInt16LE(512, 11); // bytes a sector
  image[13] = 4; // sectors a cluster
  image.writeUInt16LE(1, 14); // reserved sectors
  image[16] = 1; // tables
  image.writeUInt16LE(64, 17); // entries of the root folder
  image.writeUInt16LE(2048, 19); // sectors
  image[21] = 0xf8;
  image.writeUInt16LE(2, 22); // sectors a table
  image.write("FAT12   ", 54);
  image.writeUInt16LE(0xaa55, 510);
  image.set([0xf8, 0xff, 0xff], 512);
  const path = join(folder, "vfat");
  writeFileSync(path, image);
  return path;
}

/** Of QEMU's first network card, unless it is told otherwise. */
const MAC = "52:54:00:12:34:56";

describe("a machine with a virtio console, drives, and a network of its site's", () => {
  const vm = machine({
    name: "guest",
    hasVirtioConsole: true,
    disks: [ext4Image(), vfatImage(), emptyImage("empty", 1)],
    site: {
      "mounts.json": mountsText([
        { device: "/dev/vdb", path: "/srv/data/inner", fsType: "vfat", readOnly: true },
        { device: "/dev/vda", path: "/srv/data" },
        { device: "/dev/vdc", path: "/srv/empty" },
        { device: "/dev/vdz", path: "/srv/missing" },
        { device: "/dev/vda", path: "/proc" },
        { device: "/dev/vdc", path: "/srv/wrong", fsType: "squashfs" },
      ]),
      "network.json": networkText([
        { mac: "02:00:00:00:00:99", addresses: ["10.9.9.9/24"] },
        { mac: MAC, addresses: ["192.168.248.1/31", "fd00:a::2/64"] },
      ]),
    },
  });

  vmTest("has its console on hvc0, from the kernel's first lines to auraed's", vm, async (it) => {
    expect(await inGuest(it, "cat /sys/class/tty/console/active")).toBe("hvc0");
    expect(it.console()).toContain("TCP Access Socket created");
    expect(it.console()).toContain("Running as pid 1");
  });

  vmTest(
    "has its drives where the site says, one in the other, by what is on them",
    vm,
    async (it) => {
      const mounts = (await inGuest(it, "grep ' /srv' /proc/mounts")).split("\n");
      expect(mounts.map((line) => line.split(",").slice(0, 3).join())).toEqual([
        "/dev/vda /srv/data ext4 rw,nosuid,nodev",
        "/dev/vdb /srv/data/inner vfat ro,nosuid,nodev",
      ]);
    },
  );

  vmTest("says of every drive that it goes without why, and of every card", vm, async (it) => {
    for (const fault of [
      '"/dev/vdc" has no file system that is known here; name it as fsType',
      'there is no device "/dev/vdz"',
      'mounts[4].path: "/proc" is where the system itself is',
      'squashfs on "/srv/wrong": EINVAL',
    ]) {
      expect(it.console().replaceAll('\\"', '"')).toContain(fault);
    }
    expect(it.console()).toMatch(/without addresses of a card.*02:00:00:00:00:99/);
    await it.waitForConsole(/TCP Access Socket created/);
  });

  vmTest("has the addresses of its site beside those of its command line", vm, async (it) => {
    const addresses = await inGuest(it, "ip -o addr show eth0");
    expect(addresses).toContain("inet 10.0.2.15/24");
    expect(addresses).toContain("inet 192.168.248.1/31");
    expect(addresses).toContain("inet6 fd00:a::2/64");
    expect(addresses).toContain("inet6 fe80::2/64");
  });

  vmTest("has no relay without a vsock device", vm, async (it) => {
    const seen = await inGuest(it, "ls /dev/vsock; pidof aurae-relay || echo none; ls /run/aurae");
    expect(seen.split("\n")).toContain("/dev/vsock");
    expect(seen.split("\n")).toContain("none");
    expect(seen).not.toContain("vsock.sock");
  });

  vmTest("keeps what is written on a drive, and takes it off at its end", vm, async (it) => {
    await inGuest(it, "echo kept >/srv/data/file");
    const end = await it.powerOff();
    expect(end).toEqual({ code: 0, reason: "guest-shutdown", panicked: false });
    expect(it.console()).not.toContain("stays mounted");
    const { stdout } = Bun.spawnSync([
      ...["/usr/sbin/debugfs", "-R", "stats", join(folder, "ext4")],
    ]);
    expect(stdout.toString()).toMatch(/Filesystem state: +clean/);
    const content = Bun.spawnSync(["/usr/sbin/debugfs", "-R", "cat /file", join(folder, "ext4")]);
    expect(content.stdout.toString()).toBe("kept\n");
  });
});
