/** What the executables of a cell have to know of it. */
import type { ExecutablesPlace } from "../executables/executables.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type Cell, leafOf } from "./cell.ts";
import { requireThawed, standsStill } from "./freeze.ts";
import { oomKills } from "./status.ts";

export function placeIn(kernel: Kernel, cell: Cell): ExecutablesPlace {
  const { name, outputMaxBytes, isTransient } = cell.spec;
  return {
    cell: `${name}`,
    cgroup: cell.leaf,
    namespaces: () => cell.namespaces,
    outputMaxBytes,
    isTransient,
    claimOomKill: () => cell.claimOomKill(oomKills(kernel, cell)),
    groupMade: (group) => cell.groupMade(group),
    isFrozen: () => standsStill(kernel, name),
    isFresh: () => cell.isFresh,
    requireRunnable: () => {
      if (!cell.isFresh) {
        requireThawed(kernel, name);
      }
    },
  };
}

/** Of the executables that are in no cell. */
export const OUTSIDE: ExecutablesPlace = {
  cell: "",
  cgroup: leafOf(undefined),
  namespaces: () => undefined,
  outputMaxBytes: undefined,
  isTransient: false,
  claimOomKill: () => false,
  groupMade: () => undefined,
  isFrozen: () => false,
  isFresh: () => false,
  requireRunnable: () => undefined,
};
