/**
 * A guest that runs auraed, in a machine of `auraed vmm`, in the test VM: it has the identity, the drive and the addresses
 * that its host gives it, and answers by vsock, by its link-local address, and by IPv4.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildInitramfs } from "../../build/initramfs.ts";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { createAuthority, issueCertificate } from "../../src/pki/authority.ts";
import { driverFiles } from "../harness/driver-files.ts";
import { folderArchive } from "../harness/folder-archive.ts";
import type { GuestPlan } from "../harness/guest-driver.ts";
import { bootVm } from "../harness/vm.ts";

const MIB = 1024 * 1024;
/** Where the test VM has what the guest is made of. */
const FOLDER = "guest";
const READY_MS = 150_000;
const END_MS = 40_000;
const folder = mkdtempSync(join(tmpdir(), "auraed-guest-vmm-"));

afterAll(() => rmSync(folder, { recursive: true }));

function diskWithFile(): Uint8Array {
  const path = join(folder, "disk");
  const content = join(folder, "content");
  writeFileSync(content, "from the host\n");
  writeFileSync(path, "");
  truncateSync(path, 4 * MIB);
  for (const argv of [
    ["/usr/sbin/mkfs.ext4", "-q", path],
    ["/usr/sbin/debugfs", "-w", "-R", `write ${content} file`, path],
  ]) {
    expect(Bun.spawnSync(argv).exitCode).toBe(0);
  }
  return readFileSync(path);
}

test("a guest that runs auraed answers by every way, as its host has made it", async () => {
  const { image, modulesDir } = ensureKernel(inRoot(".cache"));
  const modules = resolveModules(modulesDir, ["kvm_amd", "tun"]);
  const domain = "unsafe.aurae.io";
  // One CA for the clients of this test, whom the host and so the guest know, and another one for guests.
  const clients = await createAuthority({ trustDomain: domain, commonName: "clients" });
  const admin = await issueCertificate(clients, {
    ...{ commonName: "nova", usage: "client", uris: [`spiffe://${domain}/role/admin/nova`] },
  });
  const vms = await createAuthority({ trustDomain: domain, commonName: "vms" });
  const plan: GuestPlan = {
    modules: modules.map(({ name }) => `/${FOLDER}/${name}.ko`),
    folder: `/${FOLDER}`,
    memoryBytes: 640 * MIB,
    commandLine: "console=hvc0 tsc=reliable panic=-1 cryptomgr.notests quiet",
    readyMs: READY_MS,
    endMs: END_MS,
  };
  const files: Record<string, Uint8Array | string> = {
    vmlinuz: readFileSync(image),
    "guest.cpio.zst": readFileSync(buildInitramfs({ kernelModules: modulesDir }).path),
    disk: diskWithFile(),
    "clients.crt": clients.certificatePem,
    "client.crt": admin.certificatePem,
    "client.key": admin.keyPem,
    "vm-ca.crt": vms.certificatePem,
    "vm-ca.key": vms.keyPem,
    "plan.json": JSON.stringify(plan),
    ...(await driverFiles("guest-driver.ts")),
    ...Object.fromEntries(modules.map(({ name, content }) => [`${name}.ko`, content])),
  };
  const archive = folderArchive(FOLDER, files);
  await using vm = await bootVm({ name: "guest-vmm", archives: [archive], memoryMib: 1536 });
  const command = `cd /${FOLDER} && auraescript driver.js plan.json >/dev/console 2>&1`;
  await vm.client(CellService).start({ executable: { name: "driver", command } });
  await vm.waitForConsole(/^driver\| DONE/m, READY_MS + END_MS + 120_000);
  const said = vm
    .console()
    .split(/\r?\n/)
    .flatMap((line) => (line.startsWith("driver| {") ? [JSON.parse(line.slice(8))] : []));
  expect(said[0]).toMatchObject({ vsock: "healthy", linkLocal: "healthy", ipv4: "healthy" });
  const [name, mount, file, relays] = String(said[0]?.cell).split("\n");
  expect(name).toBe("one");
  expect(mount).toStartWith("/dev/vda /data ext4 rw,nosuid,nodev");
  expect([file, relays]).toEqual(["from the host", "1"]);
  expect(said[1]).toMatchObject({ end: { kind: "off" }, code: 0, left: 0 });
}, 600_000);
