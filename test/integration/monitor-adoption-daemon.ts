/** Makes a monitor and says what finds it again, as a daemon does that is about to be killed. */
import { setLogSink } from "../../src/base/log.ts";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { FileAccounts } from "../../src/kernel/process/file-accounts.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { KernelMonitors } from "../../src/monitor/kernel-monitors.ts";

setLogSink(() => undefined);
const [, , runtimeDir = "", program = "", spec = ""] = process.argv;
const monitors = new KernelMonitors({
  cgroups: new CgroupFs(findCgroup2()),
  processes: new KernelProcesses(),
  accounts: new FileAccounts(),
  runtimeDir,
  program: { path: program, args: ["vmm"] },
});
const monitor = await monitors.create(JSON.parse(spec));
await monitor.run();
const { startTime, stdoutInode, stderrInode, ...rest } = monitor.record;
const record = {
  ...rest,
  startTime: `${startTime}`,
  stdoutInode: `${stdoutInode}`,
  stderrInode: `${stderrInode}`,
};
process.stdout.write(`${JSON.stringify(record)}\n`);
setInterval(() => undefined, 1000);
