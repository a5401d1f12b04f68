/**
 * Debian's stock kernel in a machine of `auraed vmm`, in the test VM, whose processor has virtualisation in emulation: it
 * boots to our own initramfs as its initrd, whose init is auraed, and ends when its power button is pressed.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildInitramfs } from "../../build/initramfs.ts";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { siteArchive } from "../../build/site.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { runPkiCommand } from "../../src/pki/command.ts";
import { driverFiles } from "../harness/driver-files.ts";
import { folderArchive } from "../harness/folder-archive.ts";
import { bootVm } from "../harness/vm.ts";
import type { DriverPlan } from "../harness/vmm-driver.ts";

const MIB = 1024 * 1024;
/** Where the test VM has what the machine is made of. */
const FOLDER = "vmm";
const READY_MS = 150_000;
const END_MS = 30_000;
/** What our init's daemon can't be without. */
async function guestSite(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "vmm-site-"));
  const quiet = { stdout: () => undefined, stderr: () => undefined };
  try {
    expect(await runPkiCommand(["--dir", join(folder, "pki")], quiet)).toBe(0);
    return siteArchive(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a stock kernel boots to auraed in a machine of ours, and ends by its power button", async () => {
  const { image, modulesDir } = ensureKernel(inRoot(".cache"));
  const modules = resolveModules(modulesDir, ["kvm_amd"]);
  const plan: DriverPlan = {
    modules: modules.map(({ name }) => `/${FOLDER}/${name}.ko`),
    kernel: `/${FOLDER}/vmlinuz`,
    initrds: [`/${FOLDER}/guest.cpio.zst`, `/${FOLDER}/site.cpio`],
    config: {
      memoryBytes: 640 * MIB,
      commandLine: "console=ttyS0 console=hvc0 quiet tsc=reliable panic=-1 cryptomgr.notests",
      hasBalloon: true,
    },
    ready: "TCP Access Socket created",
    readyMs: READY_MS,
    endMs: END_MS,
  };
  const files: Record<string, Uint8Array> = {
    vmlinuz: readFileSync(image),
    "guest.cpio.zst": readFileSync(buildInitramfs({ kernelModules: modulesDir }).path),
    "site.cpio": await guestSite(),
    "plan.json": new TextEncoder().encode(JSON.stringify(plan)),
    ...(await driverFiles("vmm-driver.ts")),
  };
  for (const { name, content } of modules) {
    files[`${name}.ko`] = content;
  }
  const archive = folderArchive(FOLDER, files);
  await using vm = await bootVm({ name: "vmm", archives: [archive], memoryMib: 1536 });
  const command = `cd /${FOLDER} && auraescript driver.js plan.json >/dev/console 2>&1`;
  await vm.client(CellService).start({ executable: { name: "driver", command } });
  await vm.waitForConsole(/^driver\| DONE/m, READY_MS + END_MS);
  const lines = vm.console().split(/\r?\n/);
  const said = (mark: string) =>
    lines.flatMap((line) => (line.startsWith(`${mark}| `) ? [line.slice(mark.length + 2)] : []));
  const output = [...said("console"), ...said("serial")].join("\n");
  expect(output).toContain("one daemon owns this machine");
  expect(output).toContain("Running as pid 1");
  const [ready, end] = said("driver");
  expect(JSON.parse(ready ?? "{}")).toMatchObject({ ready: true, status: { state: "running" } });
  expect(JSON.parse(end ?? "{}")).toMatchObject({ end: { kind: "off" }, code: 0 });
}, 400_000);
