/**
 * The steps of a plan: each is one thing that a person would say, and one or two calls. A step is plain data; what it takes
 * to do it, messages of the API, stays beside it.
 */
import type {
  Cell,
  CellServiceUpdateRequest,
  Executable,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { Step, StepTarget } from "./types.ts";

/** What a step does, and what it takes to do it. */
export type Action =
  | { readonly kind: "allocate"; readonly cell: Cell }
  | { readonly kind: "update"; readonly request: CellServiceUpdateRequest }
  /** Free and Allocate: what is in the cell ends. */
  | { readonly kind: "replace"; readonly cell: Cell }
  | { readonly kind: "free" }
  | { readonly kind: "start"; readonly definition: Executable }
  /** Stop and Start. */
  | { readonly kind: "restart"; readonly definition: Executable }
  | { readonly kind: "stop" };

const actions = new WeakMap<Step, Action>();

export function stepOf(
  target: StepTarget,
  action: Action,
  more: Partial<Pick<Step, "changes" | "why" | "blocked">> = {},
): Step {
  const { kind } = action;
  const step = { kind, ...target, changes: [], why: undefined, blocked: undefined, ...more };
  actions.set(step, action);
  return step;
}

/** What it takes to do a step of a plan. @throws {TypeError} for one that no plan has */
export function actionOf(step: Step): Action {
  const action = actions.get(step);
  if (action === undefined) {
    throw new TypeError("this is no step of a plan");
  }
  return action;
}

/** Which cell or executable, for people: `web`, `web: server`, `(no cell): agent`. */
export function targetText({ cellName, executableName }: StepTarget): string {
  return executableName === ""
    ? cellName
    : `${cellName === "" ? "(no cell)" : cellName}: ${executableName}`;
}
