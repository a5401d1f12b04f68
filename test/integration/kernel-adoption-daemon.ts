/**
 * A daemon for the test of adoption to kill: starts a cell and two processes, tells who they are, reads what they have
 * said so far, and waits. Arguments: the control group, and the shell's command.
 */
import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { KernelNamespaces } from "../../src/kernel/namespace/kernel-namespaces.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import type { ManagedProcess, OutputPipe } from "../../src/kernel/process/processes.ts";

/** Where to go on, as text. */
export interface Told {
  readonly pid: number;
  readonly namespacePid: number;
  readonly startTime: string;
  readonly stdoutInode: string;
  readonly stderrInode: string;
}

async function line(pipe: OutputPipe): Promise<string> {
  let text = "";
  const chunks = readChunks(pipe)[Symbol.asyncIterator]();
  while (!text.endsWith("\n")) {
    text += Buffer.from((await chunks.next()).value ?? []).toString();
  }
  return text;
}

const told = ({ pid, namespacePid, startTime, outputs }: ManagedProcess): Told => ({
  pid,
  namespacePid,
  startTime: String(startTime),
  stdoutInode: String(outputs.stdoutInode),
  stderrInode: String(outputs.stderrInode),
});

if (import.meta.main) {
  const [base = "", command = ""] = process.argv.slice(2);
  const cgroups = new CgroupFs(findCgroup2());
  const processes = new KernelProcesses();
  const namespaces = new KernelNamespaces(processes.watcher);
  using init = cgroups.open(`${base}/init`);
  using cgroup = cgroups.open(`${base}/work`);
  const cell = namespaces.create({
    process: true,
    network: false,
    hostname: "adopted",
    cgroup: init,
  });
  const start = (options: { namespaces?: typeof cell }): ManagedProcess =>
    processes.start({
      paths: ["/bin/sh"],
      argv: ["sh", "-c", command],
      env: { PATH: "/usr/bin:/bin" },
      cwd: "/",
      cgroup,
      ...options,
    });
  const all = [start({}), start({ namespaces: cell })];
  for (const it of all) {
    const said = await line(it.stdout);
    if (said !== "before\n") {
      throw new Error(`it said ${JSON.stringify(said)}`);
    }
  }
  const identity = { pid: cell.pid, startTime: String(cell.startTime) };
  process.stdout.write(`${JSON.stringify({ cell: identity, processes: all.map(told) })}\n`);
  await new Promise(() => setInterval(() => undefined, 60_000));
}
