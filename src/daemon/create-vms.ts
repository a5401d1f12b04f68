/** Puts the virtual machines together, and takes up those of an earlier daemon. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ABSENT_MONITORS, ABSENT_NETWORKS, ABSENT_SITES } from "../domain/vms/absent.ts";
import { VmEventLog } from "../domain/vms/vm-events.ts";
import { Vms } from "../domain/vms/vms.ts";
import type { VmParts } from "./lazy-vms.ts";
import { readBootId } from "./state-database.ts";
import { VmStateRows } from "./vm-state-rows.ts";

export async function createVms({ state, outputs, runtimeDir }: VmParts): Promise<Vms> {
  const rows = new VmStateRows(state);
  const saved = rows.load();
  const vms = new Vms({
    monitors: ABSENT_MONITORS,
    networks: ABSENT_NETWORKS,
    sites: ABSENT_SITES,
    outputs: { open: (id, maxBytes, anew) => outputs.openVm(id, maxBytes, anew) },
    state: rows,
    events: new VmEventLog({
      last: saved.lastEvent,
      reserve: (upTo) => rows.reserveEvents(upTo),
    }),
    hostSeed: hostSeed(),
    vsockPath: (id) => join(runtimeDir, "vms", id, "vsock.sock"),
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
