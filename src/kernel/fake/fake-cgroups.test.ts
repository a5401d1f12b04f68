import { cgroupsContract } from "../../../test/contract/cgroups-contract.ts";
import { createFakeKernel } from "./fake-kernel.ts";

cgroupsContract("FakeCgroups", () => {
  const { cgroups, processes } = createFakeKernel();
  return {
    cgroups,
    base: "contract",
    occupy(path) {
      using cgroup = cgroups.open(path);
      return processes.start({ paths: [], argv: [], env: {}, cwd: "/", cgroup }).pid;
    },
    end: (pid) => processes.signal(pid, 9),
  };
});
