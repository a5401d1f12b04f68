/** What scripts give to `apply` and get from it. Types alone, with nothing of what is inside. */
import type { Cell, Executable } from "../gen/cells.ts";
import type { DeepPartial } from "../message/types.ts";

/** An executable: the API's Executable. */
export type DesiredExecutable = DeepPartial<Executable> & { readonly name: string };

/** A cell: the API's Cell, and what is to be in it. */
export type DesiredCell = DeepPartial<Cell> & {
  /** The full name, `web/db`; within another cell's `cells`, the last part of it will do. */
  readonly name: string;
  readonly cells?: readonly DesiredCell[] | undefined;
  readonly executables?: readonly DesiredExecutable[] | undefined;
};

/** What is to be on a node. */
export interface Desired {
  readonly cells?: readonly DesiredCell[] | undefined;
  /** Those in no cell. */
  readonly executables?: readonly DesiredExecutable[] | undefined;
}

/** What differs in one field. */
export interface Change {
  /** Its path: `memory.max`, `isolate_process`, `args`. */
  readonly field: string;
  /** As text; undefined: it was not there. */
  readonly from: string | undefined;
  /** As text; undefined: it is to go. */
  readonly to: string | undefined;
}

/** `replace` is Free and Allocate, after which nothing of what was in the cell is left; `restart` is Stop and Start. */
export type StepKind = "allocate" | "update" | "replace" | "free" | "start" | "restart" | "stop";

export interface StepTarget {
  /** The full name; empty for an executable in no cell. */
  readonly cellName: string;
  /** Empty for a step of the cell itself. */
  readonly executableName: string;
}

/** One thing that a person would say, and one or two calls. Plain data. */
export interface Step extends StepTarget {
  readonly kind: StepKind;
  /** What differs, where that is why. */
  readonly changes: readonly Change[];
  /** Why, where no change says it. */
  readonly why: string | undefined;
  /** Why it is not done, and what would have it done. */
  readonly blocked: string | undefined;
}

export interface PlanOptions {
  /** Takes away what is in a described cell and not described itself. */
  readonly prune?: boolean | undefined;
  /** Frees and allocates a cell anew, with all that is in it, where it can't be changed as it is. */
  readonly replace?: boolean | undefined;
}

export interface RunOptions {
  /** Ends it when it aborts, also between two steps. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each step that was done. */
  readonly onStep?: ((step: Step) => void) | undefined;
}

export interface ApplyToOptions extends PlanOptions, RunOptions {
  /** Plans, and does nothing. */
  readonly dryRun?: boolean | undefined;
}

/** A plan that was carried out in part. */
export interface ApplyFailure {
  readonly done: readonly Step[];
  readonly failed: Step;
  readonly notTried: readonly Step[];
  readonly cause: unknown;
  /** What of the failed step was done all the same. */
  readonly halfDone?: string | undefined;
}
