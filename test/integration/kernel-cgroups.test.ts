import { afterAll, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { cgroupsContract } from "../contract/cgroups-contract.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();

if (missing === undefined) {
  const cgroups = new CgroupFs(findCgroup2());
  const processes = new KernelProcesses();
  afterAll(() => processes[Symbol.dispose]());
  cgroupsContract("CgroupFs", () => ({
    cgroups,
    base: `aurae-test-${randomUUID()}`,
    occupy(path) {
      using cgroup = cgroups.open(path);
      return processes.start({
        paths: ["/bin/sleep"],
        argv: ["sleep", "60"],
        env: {},
        cwd: "/",
        cgroup,
      }).pid;
    },
    end: (pid) => processes.signal(pid, 9),
  }));
} else {
  test.skip(`CgroupFs: needs cgroup2 and root (${missing})`, () => undefined);
}
