/**
 * Plays the daemon in a test VM, run by auraescript: makes a monitor in its jail on a root that is an initramfs, and says on
 * the console what it found, in one line of JSON.
 */
import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { loadModule } from "../../src/kernel/module/module.ts";
import { FileAccounts } from "../../src/kernel/process/file-accounts.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { KernelMonitors } from "../../src/monitor/kernel-monitors.ts";

const FOLDER = "/monitor";
const MIB = 1024 * 1024;
const terminal = openSync("/dev/console", "w");

function loadModules(): void {
  for (const name of JSON.parse(readFileSync(`${FOLDER}/modules.json`, "utf8"))) {
    loadModule(`${FOLDER}/${name}.ko`);
  }
}

const mounts = (pid: number | "self"): string[] =>
  readFileSync(`/proc/${pid}/mountinfo`, "utf8").trim().split("\n");

async function look() {
  loadModules();
  const cgroups = new CgroupFs(findCgroup2());
  const monitors = new KernelMonitors({
    ...{ cgroups, processes: new KernelProcesses(), accounts: new FileAccounts() },
    runtimeDir: "/run/monitor-test",
  });
  const before = mounts("self");
  const vm = await monitors.create({
    ...{
      id: "one",
      vcpus: 2,
      memoryBytes: 32 * MIB,
      kernelPath: `${FOLDER}/kernel`,
      initrdPaths: [],
    },
    ...{ commandLine: "", drives: [], nics: [], vsockCid: 7 },
    limits: { memoryOverheadBytes: 64 * MIB },
    consoleSize: { columns: 80, rows: 24 },
  });
  await vm.run();
  let said = "";
  for await (const bytes of readChunks(vm.serial)) {
    said += Buffer.from(bytes).toString();
    if (said.length >= 2) {
      break;
    }
  }
  const { pid } = vm.record;
  const found = {
    said,
    state: (await vm.status()).state,
    hostRoot: before
      .find((line) => line.split(" ")[4] === "/")
      ?.split(" - ")[1]
      ?.split(" ")[0],
    root: readdirSync(`/proc/${pid}/root`).sort(),
    // From its own view: what is under its root can't be seen, and has no name.
    mounts: mounts(pid)
      .map((line) => line.split(" ")[4])
      .sort(),
    memoryMax: cgroups.read("_vms/one", "memory.max").trim(),
    pidsMax: cgroups.read("_vms/one", "pids.max").trim(),
    oomGroup: cgroups.read("_vms/one", "memory.oom.group").trim(),
    areHostMountsSame: Bun.deepEquals(before, mounts("self")),
  };
  await vm.kill();
  return { ...found, isGone: !cgroups.exists("_vms/one"), end: await vm.ended };
}

// Signals alone do not keep a script from ending.
setInterval(() => undefined, 1000);
const answer = await look().catch((error: Error) => ({ failed: error.message }));
writeSync(terminal, `\nFOUND ${JSON.stringify(answer)}\n`);
process.exit();
