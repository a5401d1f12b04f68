/** What is kept of a virtual machine for the daemon that comes next, and the door to where. What runs is asked of it. */
import type { MonitorEnd, MonitorRecord } from "./monitors.ts";
import type { VmNic } from "./networks.ts";
import type { SnapshotNote } from "./snapshot-notes.ts";
import type { VmSpec } from "./vm-spec.ts";

/** How a machine ended. */
export interface VmEnding extends MonitorEnd {
  /** Milliseconds since 1970; undefined when nobody saw it. */
  readonly endedMs: number | undefined;
}

export interface VmRecord {
  readonly spec: VmSpec;
  /**
   * `idle`: it does not run. What is `starting` is undone by the daemon that finds it, and what is `freeing` is freed;
   * what is `restoring` was never told of, and goes.
   */
  readonly state: "idle" | "starting" | "restoring" | "live" | "freeing";
  /** What there may be of its network; undefined for one that was about to be made. */
  readonly nics: readonly (VmNic | undefined)[];
  /** Left out unless there is one. */
  readonly monitor?: MonitorRecord | undefined;
  /** Which life it is, as its guest knows it; left out unless it runs. */
  readonly life?: string | undefined;
  /** When it was started last, in milliseconds since 1970; left out for never. */
  readonly startedMs?: number | undefined;
  /** How it ended the last time. */
  readonly ending?: VmEnding | undefined;
  /** What was being written of it. */
  readonly snapshots?: readonly SnapshotNote[] | undefined;
}

export interface SavedVms {
  readonly vms: readonly VmRecord[];
  /** The ids of those whose records could not be read. */
  readonly lost: readonly string[];
  /** No event that was told has a higher number. */
  readonly lastEvent: bigint;
}

export interface VmStateStore {
  load(): SavedVms;
  save(record: VmRecord): void;
  remove(id: string): void;
  /** Events up to this number may be told from now on. */
  reserveEvents(upTo: bigint): void;
}
