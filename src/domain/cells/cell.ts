/** One allocated cell: a node of the tree, with its limits, its executables and the cells inside it. */
import { join } from "node:path";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import { directoryName, type ExecutableName } from "../executables/executable-name.ts";
import type { Executable } from "../executables/executable.ts";
import type { CellName } from "./cell-name.ts";

/** The group of a cell that holds its executables: the kernel wants processes in leaves only. */
export const LEAF = "_";

export interface CellSpec {
  readonly name: CellName;
  readonly limits: CgroupLimits;
}

/** allocated -> freeing -> gone from the tree; a Free that failed goes back to allocated. */
export type CellState =
  { readonly kind: "allocated" } | { readonly kind: "freeing"; readonly done: Promise<void> };

export class Cell {
  readonly spec: CellSpec;
  readonly children = new Map<string, Cell>();
  readonly executables = new Map<ExecutableName, Executable>();
  state: CellState = { kind: "allocated" };

  constructor(spec: CellSpec) {
    this.spec = spec;
  }

  get name(): CellName {
    return this.spec.name;
  }

  /** The control group with its limits. */
  get cgroup(): string {
    return `${this.name}`;
  }
}

/** The control group that holds the executables of a cell, or those that are in no cell. */
export function leafOf(cell: CellName | undefined): string {
  return cell === undefined ? LEAF : `${cell}/${LEAF}`;
}

/** The control group of an executable, and in the same form the folder of its output. */
export function executablePath(cell: CellName | undefined, name: ExecutableName): string {
  return join(leafOf(cell), directoryName(name));
}
