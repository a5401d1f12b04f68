/**
 * A monitor's jail where the host is a machine of ours: the root is an initramfs, which pivot_root(2) can't put out of
 * the way, and every controller is there. In the test VM, whose processor has virtualisation in emulation.
 */
import { expect, test } from "bun:test";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { driverFiles } from "../harness/driver-files.ts";
import { folderArchive } from "../harness/folder-archive.ts";
import { sleepingKernel } from "../harness/monitor-world.ts";
import { bootVm } from "../harness/vm.ts";

const FOLDER = "monitor";
const MIB = 1024 * 1024;

test("a monitor is jailed on an initramfs, too, within the limits of its control group", async () => {
  const { modulesDir } = ensureKernel(inRoot(".cache"));
  const modules = resolveModules(modulesDir, ["kvm_amd"]);
  const names = JSON.stringify(modules.map(({ name }) => name));
  const archive = folderArchive(FOLDER, {
    kernel: sleepingKernel(),
    "modules.json": names,
    ...Object.fromEntries(modules.map(({ name, content }) => [`${name}.ko`, content])),
    ...(await driverFiles("monitor-driver.ts")),
  });
  await using vm = await bootVm({ name: "monitor", archives: [archive], memoryMib: 1024 });
  const command = `cd /${FOLDER} && auraescript driver.js >/dev/console 2>&1`;
  await vm.client(CellService).start({ executable: { name: "driver", command } });
  // All of the line: what comes over a console comes in pieces.
  const [, answer = ""] = await vm.waitForConsole(/^FOUND (.*)\r?\n/m, 120_000);
  const found = JSON.parse(answer);
  expect(found).toEqual({
    said: "hi",
    state: "running",
    hostRoot: "rootfs",
    root: ["lib", "lib64", "proc", "run"],
    mounts: found.mounts?.filter((at: string) => /^\/(proc|run|lib\/.*|lib64\/.*)?$/.test(at)),
    memoryMax: String(96 * MIB),
    pidsMax: "512",
    oomGroup: "1",
    areHostMountsSame: true,
    isGone: true,
    end: { kind: "killed", message: "" },
  });
}, 300_000);
