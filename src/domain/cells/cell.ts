/** One allocated cell: a node of the tree, with its limits, its namespaces, its executables and the cells inside it. */
import { join } from "node:path";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import { directoryName, type ExecutableName } from "../executables/executable-name.ts";
import type { Executables } from "../executables/executables.ts";
import type { CellRecord } from "../state/state-store.ts";
import type { CellName } from "./cell-name.ts";

/** The group of a cell that holds its executables: the kernel wants processes in leaves only. */
export const LEAF = "_";

export interface CellSpec {
  readonly name: CellName;
  readonly limits: CgroupLimits;
  readonly isolateProcess: boolean;
  readonly isolateNetwork: boolean;
  /** Of each stream of each executable; undefined for the default. */
  readonly outputMaxBytes: number | undefined;
  /** Whether it goes with whoever asked for it, and so is nothing that the successor of this daemon takes up. */
  readonly isTransient: boolean;
}

/** A spec with the defaults of everything that is left out. */
export function cellSpec(spec: Pick<CellSpec, "name"> & Partial<CellSpec>): CellSpec {
  return {
    limits: {},
    isolateProcess: false,
    isolateNetwork: false,
    outputMaxBytes: undefined,
    isTransient: false,
    ...spec,
  };
}

/** allocated -> freeing -> gone from the tree; a Free that failed goes back to allocated. */
export type CellState =
  { readonly kind: "allocated" } | { readonly kind: "freeing"; readonly done: Promise<void> };

export class Cell {
  readonly name: CellName;
  readonly children = new Map<string, Cell>();
  readonly executables: Executables;
  /** Those that it has unshared itself. */
  readonly ownNamespaces: CellNamespaces | undefined;
  readonly parent: Cell | undefined;
  state: CellState = { kind: "allocated" };
  #spec: CellSpec;
  #isFresh = true;
  /** By control group, as they were last read. */
  #oomKills: ReadonlyMap<string, number> = new Map();
  #unclaimedOomKills = 0;

  constructor(
    spec: CellSpec,
    parts: {
      readonly parent: Cell | undefined;
      readonly namespaces: CellNamespaces | undefined;
      readonly executables: (cell: Cell) => Executables;
    },
  ) {
    this.#spec = spec;
    this.name = spec.name;
    this.parent = parts.parent;
    this.ownNamespaces = parts.namespaces;
    this.executables = parts.executables(this);
  }

  get spec(): CellSpec {
    return this.#spec;
  }

  /** Whether nobody but who made it has seen it: so nobody can have frozen it, or made anything in it. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Others may see it from now on. */
  publish(): void {
    this.#isFresh = false;
  }

  setLimits(limits: CgroupLimits): void {
    this.#spec = { ...this.#spec, limits };
  }

  /** The control group with its limits. */
  get cgroup(): string {
    return `${this.name}`;
  }

  /** The control group of its executables' own. */
  get leaf(): string {
    return leafOf(this.#spec);
  }

  /** What its executables are born in: its own, or those of the nearest cell above that has some. */
  get namespaces(): CellNamespaces | undefined {
    return this.ownNamespaces ?? this.parent?.namespaces;
  }

  /**
   * Takes one of the kernel's kills for want of memory that nobody has taken yet.
   * @param counts how many there were in each of its control groups since that was made
   */
  claimOomKill(counts: ReadonlyMap<string, number>): boolean {
    for (const [group, count] of counts) {
      this.#unclaimedOomKills += Math.max(0, count - (this.#oomKills.get(group) ?? 0));
    }
    this.#oomKills = counts;
    if (this.#unclaimedOomKills === 0) {
      return false;
    }
    this.#unclaimedOomKills -= 1;
    return true;
  }

  /** Leaves nobody to take any of the kills until now. @param counts as above */
  claimOomKills(counts: ReadonlyMap<string, number>): void {
    this.#oomKills = counts;
    this.#unclaimedOomKills = 0;
  }

  /** A control group was made, perhaps in place of one of that name: it begins to count at 0. */
  groupMade(group: string): void {
    if (this.#oomKills.has(group)) {
      this.#oomKills = new Map([...this.#oomKills].filter(([name]) => name !== group));
    }
  }

  record(state: CellRecord["state"]): CellRecord {
    return cellRecord(this.#spec, state, this.ownNamespaces);
  }
}

export function cellRecord(
  spec: CellSpec,
  state: CellRecord["state"],
  namespaces: CellNamespaces | undefined,
): CellRecord {
  const { name, limits, isolateProcess, isolateNetwork, outputMaxBytes, isTransient } = spec;
  return {
    name: `${name}`,
    state,
    limits,
    isolateProcess,
    isolateNetwork,
    outputMaxBytes,
    isTransient: isTransient || undefined,
    holder:
      namespaces === undefined
        ? undefined
        : { pid: namespaces.pid, startTime: namespaces.startTime },
  };
}

function inLeaf(cell: CellName | undefined): string {
  return cell === undefined ? LEAF : `${cell}/${LEAF}`;
}

/**
 * The control group that holds the executables of a cell, or those that are in no cell. One that goes with its caller has no
 * leaf: it is its executable's alone, and what is never made need not be removed.
 */
export function leafOf(cell: Pick<CellSpec, "name" | "isTransient"> | undefined): string {
  return cell?.isTransient === true ? `${cell.name}` : inLeaf(cell?.name);
}

/** The folder of an executable's output: it has the form of its control group in a cell with a leaf. */
export function executablePath(cell: CellName | undefined, name: ExecutableName): string {
  return join(inLeaf(cell), directoryName(name));
}
