/** All that the domain may ask of the kernel. The daemon hands one in; tests hand in one that lives in memory. */
import type { Cgroups } from "./cgroup/cgroups.ts";
import type { Processes } from "./process/processes.ts";

export interface Kernel {
  readonly cgroups: Cgroups;
  readonly processes: Processes;
}
