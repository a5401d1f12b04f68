/** Puts the virtual machines together, and takes up those of an earlier daemon. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { VmEventLog } from "../domain/vms/vm-events.ts";
import { Vms } from "../domain/vms/vms.ts";
import { GuestSites } from "../guest/guest-sites.ts";
import { VsockDoors } from "../guest/vsock-doors.ts";
import { KernelVmNetworks } from "../kernel/net/vm-networks.ts";
import { KernelMonitors } from "../monitor/kernel-monitors.ts";
import type { VmParts } from "./lazy-vms.ts";
import { readBootId } from "./state-database.ts";
import { VmStateRows } from "./vm-state-rows.ts";

export async function createVms(parts: VmParts): Promise<Vms> {
  const { state, outputs, cgroups, accounts, processes } = parts;
  const { runtimeDir, libraryDir, vmAuthority } = parts;
  const rows = new VmStateRows(state);
  const saved = rows.load();
  const sites = new GuestSites(vmAuthority);
  const vsockPath = (id: string) => join(runtimeDir, "vms", id, "vsock.sock");
  const vms = new Vms({
    monitors: new KernelMonitors({ cgroups, accounts, processes, runtimeDir }),
    networks: new KernelVmNetworks(libraryDir),
    sites,
    doors: new VsockDoors({ vsockPath, filesFor: (id, needs) => sites.filesFor(id, needs) }),
    outputs: { open: (id, maxBytes, anew) => outputs.openVm(id, maxBytes, anew) },
    state: rows,
    events: new VmEventLog({
      last: saved.lastEvent,
      reserve: (upTo) => rows.reserveEvents(upTo),
    }),
    hostSeed: hostSeed(),
    vsockPath,
  });
  await vms.takeUp(saved);
  return vms;
}

/** The same for as long as the host is installed (machine-id(5)); where it has no such id, for as long as it runs. */
function hostSeed(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || readBootId();
  } catch {
    return readBootId(); // ENOENT
  }
}
