/** What becomes of a virtual machine that an earlier daemon has left: its record says what it was to be. */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { removeNics, type VmSurroundings } from "./launch-vm.ts";
import type { Monitor } from "./monitors.ts";
import type { VmEnding, VmRecord } from "./vm-record.ts";
import { Vm } from "./vm.ts";

const UNSEEN: VmEnding = {
  kind: "unknown",
  message: "it ended while the daemon was away",
  endedMs: undefined,
};

/** Never rejects. @returns undefined for one that is gone, with its record */
export async function takeUpVm(record: VmRecord, around: VmSurroundings): Promise<Vm | undefined> {
  const { id } = record.spec;
  if (record.state === "live") {
    const monitor = await adopt(record, around);
    if (monitor !== undefined) {
      await checkNics(record, around);
      return Vm.adopt(record, monitor, around);
    }
    await undo(record, around);
    around.emit({ kind: "ended", vm: id, ending: UNSEEN });
    return Vm.adopt({ ...record, ending: UNSEEN }, undefined, around);
  }
  if (record.state !== "idle") {
    log.warn("a vm of the daemon before is undone", { vm: id, was: record.state });
    await undo(record, around);
  }
  if (record.state === "freeing" || record.state === "restoring") {
    around.forget(id);
    around.emit({ kind: "freed", vm: id });
    return undefined;
  }
  return Vm.adopt(record, undefined, around);
}

async function adopt(record: VmRecord, around: VmSurroundings): Promise<Monitor | undefined> {
  const { spec, monitor } = record;
  try {
    return monitor === undefined ? undefined : await around.monitors.adopt(spec.id, monitor);
  } catch (error) {
    log.error("could not go on with a vm of the daemon before, which is ended", {
      ...{ vm: spec.id, cause: messageOf(error) },
    });
    return undefined;
  }
}

/** Ends what may be left of it. */
async function undo(record: VmRecord, around: VmSurroundings): Promise<void> {
  await clearVm(record.spec.id, around);
  await removeNics(around, record.spec.id, record.nics);
}

/** Ends what may be left under an id. Never rejects. */
export async function clearVm(id: string, { monitors }: VmSurroundings): Promise<void> {
  try {
    await monitors.clear(id);
  } catch (error) {
    log.error("could not undo a vm of the daemon before", { vm: id, cause: messageOf(error) });
  }
}

/** The guest goes on without a NIC that somebody removed; nobody would know why it can't be reached. */
async function checkNics({ spec, nics }: VmRecord, around: VmSurroundings): Promise<void> {
  for (const [index, nic] of nics.entries()) {
    try {
      if (nic !== undefined && !(await around.networks.adopt(spec.id, index, nic))) {
        log.warn("the network of a vm is gone", { vm: spec.id, index, tap: nic.tap });
      }
    } catch (error) {
      log.warn("could not look at the network of a vm", {
        ...{ vm: spec.id, index, cause: messageOf(error) },
      });
    }
  }
}
