/**
 * What becomes of a cell that an earlier daemon has left: the kernel is asked what is still there, and the record says
 * what it was to be. Nothing that the record does not name is taken up.
 */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import { directoryName } from "../executables/executable-name.ts";
import { removeGroup } from "../executables/life.ts";
import type { CellRecord, StateStore } from "../state/state-store.ts";
import { type Cell, type CellSpec, cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { createNamespaces } from "./namespaces.ts";

export type RestorePlan =
  | {
      readonly kind: "adopt";
      readonly spec: CellSpec;
      readonly parent: Cell | undefined;
      readonly namespaces: CellNamespaces | undefined;
    }
  | { readonly kind: "undo"; readonly why: string };

/** @param find a cell that was restored before; parents come first */
export function planRestore(
  kernel: Kernel,
  record: CellRecord,
  find: (name: CellName) => Cell | undefined,
): RestorePlan {
  const name = CellName.parse(record.name);
  const { limits, isolateProcess, isolateNetwork, outputMaxBytes } = record;
  const spec = cellSpec({ name, limits, isolateProcess, isolateNetwork, outputMaxBytes });
  if (!kernel.cgroups.exists(record.name)) {
    return { kind: "undo", why: "its control group was removed" };
  }
  if (record.isTransient) {
    return { kind: "undo", why: "it went with its caller" };
  }
  if (record.state === "allocating") {
    return { kind: "undo", why: "it was not allocated whole" };
  }
  const parent = name.parent === undefined ? undefined : find(name.parent);
  if (name.parent !== undefined && parent === undefined) {
    return { kind: "undo", why: "the cell that it was in is gone" };
  }
  try {
    return {
      kind: "adopt",
      spec,
      parent,
      namespaces: adoptNamespaces(kernel, spec, record, parent),
    };
  } catch (error) {
    return { kind: "undo", why: messageOf(error) };
  }
}

/** Those that are there still, or new ones: without their first process, nothing in them runs any more. */
function adoptNamespaces(
  kernel: Kernel,
  spec: CellSpec,
  { holder }: CellRecord,
  parent: Cell | undefined,
): CellNamespaces | undefined {
  const adopted = holder === undefined ? undefined : kernel.namespaces.adopt(holder);
  if (adopted !== undefined) {
    return adopted;
  }
  const made = createNamespaces(kernel, spec, parent);
  made?.settle();
  return made;
}

/** Ends what is in the control group of a cell, and removes it with its record. */
export async function undoCell(
  kernel: Kernel,
  record: CellRecord,
  state: StateStore,
): Promise<void> {
  try {
    if (kernel.cgroups.exists(record.name)) {
      await removeGroup(kernel, record.name, record.name);
    }
    state.removeCell(record.name);
  } catch (error) {
    log.error("could not undo a cell of the daemon before", {
      cell: record.name,
      cause: messageOf(error),
    });
  }
}

/** Ends what was being started as the daemon ended: nobody was told of it, so nobody misses it. */
export async function removeUnknownGroups(
  kernel: Kernel,
  cell: Cell,
  known: readonly Parameters<typeof directoryName>[0][],
): Promise<void> {
  const { leaf } = cell;
  const kept = new Set(known.map(directoryName));
  const unknown = kernel.cgroups.exists(leaf)
    ? kernel.cgroups.children(leaf).filter((child) => !kept.has(child))
    : [];
  for (const child of unknown) {
    const path = `${leaf}/${child}`;
    try {
      await removeGroup(kernel, child, path);
      log.warn("ended what the daemon before had begun to start", { cgroup: path });
    } catch (error) {
      log.error("could not end what the daemon before had begun to start", {
        cgroup: path,
        cause: messageOf(error),
      });
    }
  }
}
