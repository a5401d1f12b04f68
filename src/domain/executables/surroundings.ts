/** What an executable has of its surroundings: its cell, the kernel, its siblings, and those who are told of it. */
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import type { ManagedProcess } from "../../kernel/process/processes.ts";
import type { EventInit } from "../events/event-log.ts";
import type { ExecutableName } from "./executable-name.ts";
import type { Executable } from "./executable.ts";
import { commandOptions, type SpecOptions } from "./launch.ts";
import type { OutputSinks, OutputWriter } from "./outputs.ts";
import type { ReadinessEars } from "./readiness.ts";

export interface Surroundings {
  readonly kernel: Kernel;
  /** The full name of its cell, for events; empty without one. */
  readonly cell: string;
  /** The control group that it gets for itself; its parent is there, it is not. */
  readonly cgroup: string;
  readonly namespaces: CellNamespaces | undefined;
  /** What its spec asks of the kernel. */
  readonly options: SpecOptions;
  readonly sinks: OutputSinks;
  /** Another executable of the same cell. */
  readonly sibling: (name: ExecutableName) => Executable | undefined;
  /** Ends those that require it. @throws {AuraeError} internal */
  readonly haltDependents: () => Promise<void>;
  /** Whether the kernel killed a process of the cell for want of memory that nobody has accounted for yet. */
  readonly claimOomKill: () => boolean;
  /** A control group was made for it. */
  readonly groupMade: (group: string) => void;
  readonly isFrozen: () => boolean;
  /** @throws {AuraeError} where nothing can be started, since it would not run */
  readonly requireRunnable: () => void;
  readonly emit: (event: EventInit) => void;
  /** Its state has changed: keeps it, and has those look again who wait for it. */
  readonly changed: (executable: Executable) => void;
  /** A process of it begins to write output. */
  readonly began: (process: OutputWriter) => void;
  /** It has ended for good, and all of its output is there. */
  readonly drained: () => void;
  /** It is forgotten. */
  readonly closed: () => void;
}

/**
 * Starts a process where the executable runs.
 * @param command in place of its own, without standard input
 * @throws {LaunchError | SyscallError | AuraeError}
 */
export function spawn(
  { kernel, cgroup, namespaces, options, requireRunnable }: Surroundings,
  more: ReadinessEars["options"],
  command?: string,
): ManagedProcess {
  requireRunnable();
  using directory = kernel.cgroups.open(cgroup);
  return kernel.processes.start({
    ...options,
    ...(command === undefined
      ? {}
      : { ...commandOptions({ kind: "shell", line: command }, ""), stdin: "null" }),
    ...more,
    env: { ...options.env, ...more.env },
    cgroup: directory,
    namespaces,
  });
}
