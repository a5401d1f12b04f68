/**
 * What the daemon keeps for the one that comes after it: what was asked for, and what finds it again. What runs is asked
 * of the kernel, always. It is of one boot: the next begins with nothing, as the kernel does. Implemented on disk
 * (`daemon/state-database.ts`) and in memory.
 */
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import type { ProcessIdentity } from "../../kernel/process/processes.ts";
import type { ExecutableRecord } from "../executables/executable-record.ts";

export interface CellRecord {
  /** The full name. */
  readonly name: string;
  /** `allocating` and `freeing` are finished or undone by the daemon that finds them. */
  readonly state: "allocating" | "allocated" | "freeing";
  readonly limits: CgroupLimits;
  readonly isolateProcess: boolean;
  readonly isolateNetwork: boolean;
  readonly outputMaxBytes: number | undefined;
  /** It went with the daemon's caller; left out otherwise. */
  readonly isTransient?: true | undefined;
  /** The first process of its namespaces, if it has any of its own. */
  readonly holder: ProcessIdentity | undefined;
}

export interface SavedState {
  readonly cells: readonly CellRecord[];
  /** By the full name of their cell; empty for none. */
  readonly executables: readonly { readonly cell: string; readonly record: ExecutableRecord }[];
  /** No event that was told has a higher number. */
  readonly lastEvent: bigint;
}

/** An executable that was started since the boot, and is to be started once. */
export interface OnceClaim {
  /** The full name of its cell, which may be gone; empty for none. */
  readonly cell: string;
  readonly executable: string;
}

export interface StateStore {
  load(): SavedState;
  saveCell(record: CellRecord): void;
  /** With its executables. */
  removeCell(name: string): void;
  /** The same for many, in one step. */
  removeCells(names: readonly string[]): void;
  saveExecutable(cell: string, record: ExecutableRecord): void;
  removeExecutable(cell: string, name: string): void;
  /** Whether this is the first time since the boot that this is asked for the executable. */
  claimOnce(cell: string, executable: string): boolean;
  /** All that were claimed since the boot, by cell and name. */
  claims(): readonly OnceClaim[];
  /** It was not started after all. */
  disclaimOnce(cell: string, executable: string): void;
  /** Events up to this number may be told from now on. */
  reserveEvents(upTo: bigint): void;
}
