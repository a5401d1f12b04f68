/** What is kept of an executable for the daemon that comes after this one. Plain data, but for 64-bit integers. */
import type { ManagedProcess, OutputIdentity } from "../../kernel/process/processes.ts";
import type { Ending } from "./ending.ts";
import type { ExecutableSpec } from "./executable-spec.ts";
import type { ExecutableState } from "./executable.ts";

/** What finds its process again. */
export interface LifeRecord {
  readonly pid: number;
  readonly startTime: bigint;
  readonly outputs: OutputIdentity;
}

export interface ExecutableRecord {
  readonly spec: ExecutableSpec;
  /** `launching`: nobody was told of it yet. `stopping`: somebody was told that it ends. */
  readonly state: ExecutableState | "launching";
  readonly restarts: number;
  /** Of its last process. */
  readonly pids: { readonly pid: number; readonly namespacePid: number };
  /** While it runs. */
  readonly life: LifeRecord | undefined;
  readonly ending: Ending | undefined;
  /** Where its process tells that it is ready, if it does so by a socket. Records of older daemons have none. */
  readonly notifySocket?: string | undefined;
}

export function lifeRecord(process: ManagedProcess): LifeRecord {
  const { pid, startTime, outputs } = process;
  return { pid, startTime, outputs };
}

/** Of one that is about to be started. */
export function launchRecord(spec: ExecutableSpec): ExecutableRecord {
  const pids = { pid: 0, namespacePid: 0 };
  return { spec, state: "launching", restarts: 0, pids, life: undefined, ending: undefined };
}
