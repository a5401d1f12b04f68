/**
 * Starts processes in control groups that have next to no memory, inside of a test VM, run by auraescript: a daemon that is
 * not PID 1, which the kernel would spare. What comes of each goes to the console, a line of JSON.
 */
import { messageOf } from "../../src/base/errors.ts";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { say } from "./say-on-console.ts";

const KIB = 1024;
const STATUS = 3;

export interface LaunchOutcome {
  readonly maxBytes: number;
  readonly end: string;
}

const cgroups = new CgroupFs(findCgroup2());
using processes = new KernelProcesses();
// Nothing else keeps the program alive while it waits for an end.
const alive = setInterval(() => undefined, 1_000);

/** Runs a shell that ends with STATUS. @returns how it ended, or why it did not start */
async function endIn(group: string): Promise<string> {
  using cgroup = cgroups.open(group);
  try {
    const started = processes.start({
      ...{ paths: ["/bin/sh"], argv: ["sh", "-c", `exit ${STATUS}`], env: {}, cwd: "/" },
      ...{ cgroup, namespaces: undefined },
    });
    const { status } = await started.exited;
    return status?.kind === "exited" ? `exited ${status.code}` : `killed by ${status?.signal}`;
  } catch (error) {
    return messageOf(error);
  }
}

cgroups.delegate("", ["memory"]);
for (const isOfAll of [0, 1]) {
  for (const maxBytes of [32, 64, 96, 128, 192, 256, 512].map((kib) => kib * KIB)) {
    const group = `tight-${isOfAll}-${maxBytes}`;
    cgroups.create(group);
    cgroups.write(group, { file: "memory.oom.group", value: `${isOfAll}` });
    cgroups.write(group, { file: "memory.swap.max", value: "0" });
    cgroups.write(group, { file: "memory.max", value: `${maxBytes}` });
    for (let i = 0; i < 2; i++) {
      const outcome: LaunchOutcome = { maxBytes, end: await endIn(group) };
      say("launch", JSON.stringify(outcome));
    }
    await cgroups.emptied(group);
    cgroups.remove(group);
  }
}
cgroups.create("wide");
say("launch", JSON.stringify({ maxBytes: 0, end: await endIn("wide") } satisfies LaunchOutcome));
await cgroups.emptied("wide");
cgroups.remove("wide");
say("launch", "DONE");
clearInterval(alive);
