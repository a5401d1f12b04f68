/** A kernel in memory. For tests. */
import type { Controller } from "../cgroup/limits.ts";
import type { Kernel } from "../kernel.ts";
import { FakeCgroups } from "./fake-cgroups.ts";
import { FakeProcesses } from "./fake-processes.ts";

export interface FakeKernel extends Kernel {
  readonly cgroups: FakeCgroups;
  readonly processes: FakeProcesses;
}

export function createFakeKernel(controllers?: Iterable<Controller>): FakeKernel {
  const cgroups = new FakeCgroups(controllers);
  return { cgroups, processes: new FakeProcesses(cgroups) };
}
