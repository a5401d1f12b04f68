/** The order among the executables of a cell: for whom one waits, and without whom it must not run. */
import type { ExecutableName } from "./executable-name.ts";
import type { ExecutableSpec } from "./executable-spec.ts";
import type { Executable } from "./executable.ts";

type Sibling = (name: ExecutableName) => Pick<Executable, "state" | "isOver"> | undefined;

/** Whom it has to wait for. One that is not there is not waited for. */
export function blockerOf(
  { after, requires }: Pick<ExecutableSpec, "after" | "requires">,
  sibling: Sibling,
): ExecutableName | undefined {
  const isPending = (name: ExecutableName): boolean => {
    const state = sibling(name)?.state;
    return state === "waiting" || state === "starting" || state === "restarting";
  };
  return [...requires, ...after].find(isPending);
}

/** One that it requires, and that is not there or has ended for good. */
export function lostOf(
  { requires }: Pick<ExecutableSpec, "requires">,
  sibling: Sibling,
): ExecutableName | undefined {
  return requires.find((name) => sibling(name)?.isOver !== false);
}
