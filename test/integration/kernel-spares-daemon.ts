/** A daemon for the test of spare namespaces to kill: has two sets, and one more is made ahead. Prints their pids. */
import { KernelNamespaces } from "../../src/kernel/namespace/kernel-namespaces.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { eventually } from "../harness/eventually.ts";
import { holders } from "./holders.ts";

if (import.meta.main) {
  const processes = new KernelProcesses();
  const namespaces = new KernelNamespaces(processes.watcher);
  const all = [1, 2].map((n) =>
    namespaces.create({ process: true, network: true, hostname: `h${n}`, endsWithDaemon: true }),
  );
  for (const it of all) {
    it.settle();
  }
  await eventually("a spare", () => holders().length === 3);
  process.stdout.write(`${JSON.stringify(holders())}\n`);
  await new Promise(() => setInterval(() => undefined, 60_000));
}
