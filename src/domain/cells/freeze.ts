/**
 * Freezes and thaws cells (Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze"; Linux 5.2).
 *
 * What callers have to know of a frozen cell, which all cells below it are, too:
 * - A signal that a process handles waits until the cell is thawed; one that ends it, as SIGTERM by default, does at
 *   once, and so do SIGKILL and cgroup.kill. So Stop in a cell that `isFrozen` should go straight on to `cgroup.kill`,
 *   since a grace period would only pass; and Free should thaw the cell first (`thawForFree`), so that its processes
 *   can end in order, and grant no grace period where it stays frozen because a cell above is.
 * - A process that is born into it never gets as far as execve(2), and the daemon stands still while it waits for
 *   that. So whoever is about to start anything there (Start, Exec, a restart, a health check, the first process of
 *   a namespace) must call `requireThawed` right before, without an `await` in between.
 */
import { AuraeError } from "../../base/errors.ts";
import type { Cgroups } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { cgroupNotFound } from "./cell-errors.ts";
import type { CellName } from "./cell-name.ts";

/** How long the processes of a cell may take to stand still: what is in an uninterruptible wait does not. */
const FREEZE_TIMEOUT_MS = 10_000;

/** Most processes that a message names. */
const MAX_NAMED = 10;

const FILE = "cgroup.freeze";

/** Whether every process of a cell stands still, because it or a cell above is frozen. @throws {AuraeError} not_found */
export function isFrozen(kernel: Kernel, name: CellName): boolean {
  return found(name, () => kernel.cgroups.isFrozen(`${name}`));
}

/** Runs a kernel call; a group that is gone is `not_found`. */
function found<T>(name: CellName, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw isErrno(error, "ENOENT", "ENODEV") ? cgroupNotFound(name) : error;
  }
}

const asksFor = (cgroups: Cgroups, name: CellName): boolean =>
  found(name, () => cgroups.read(`${name}`, FILE).trim() === "1");

/**
 * The cell, of this one and those it is in, that was frozen, whether or not all of its processes stand still by now;
 * undefined if none was. @throws {AuraeError} not_found
 */
export function frozenBy(kernel: Kernel, name: CellName): CellName | undefined {
  return [...name.ancestors, name].find((each) => asksFor(kernel.cgroups, each));
}

/** Whether it was frozen, or a cell above was; one that is gone was not. */
export function standsStill(kernel: Kernel, name: CellName): boolean {
  return kernel.cgroups.exists(`${name}`) && frozenBy(kernel, name) !== undefined;
}

/** @throws {AuraeError} failed_precondition for a frozen cell: a process started there would never run */
export function requireThawed(kernel: Kernel, name: CellName): void {
  const frozen = frozenBy(kernel, name);
  if (frozen !== undefined) {
    throw new AuraeError("failed_precondition", `cell '${frozen}' is frozen; thaw it first`, {
      resource: `${frozen}`,
    });
  }
}

/**
 * Stops every process in a cell and below, and waits until all stand still. Where one does not in time, all go on.
 * @throws {AuraeError} not_found, deadline_exceeded naming processes that do not stand still
 */
export async function freeze(
  kernel: Kernel,
  name: CellName,
  timeoutMs = FREEZE_TIMEOUT_MS,
): Promise<void> {
  const { cgroups } = kernel;
  const wasAsked = asksFor(cgroups, name);
  const timeout = AbortSignal.timeout(timeoutMs);
  found(name, () => cgroups.write(`${name}`, { file: FILE, value: "1" }));
  try {
    await cgroups.frozen(`${name}`, true, timeout);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV")) {
      throw cgroupNotFound(name);
    }
    const pids = stillRunning(cgroups, `${name}`);
    if (!wasAsked && cgroups.exists(`${name}`)) {
      cgroups.write(`${name}`, { file: FILE, value: "0" });
    }
    throw timeout.aborted ? notFrozen(name, pids, timeoutMs, wasAsked) : error;
  }
}

/** The processes of the groups that are not frozen, of a group and all below it. */
function stillRunning(cgroups: Cgroups, path: string): number[] {
  if (!cgroups.exists(path) || cgroups.isFrozen(path)) {
    return [];
  }
  const below = cgroups
    .children(path)
    .flatMap((child) => stillRunning(cgroups, `${path}/${child}`));
  return [...cgroups.processes(path), ...below];
}

function notFrozen(
  name: CellName,
  pids: readonly number[],
  timeoutMs: number,
  wasAsked: boolean,
): AuraeError {
  const shown = pids.slice(0, MAX_NAMED).join(", ");
  const more = pids.length > MAX_NAMED ? ` and ${pids.length - MAX_NAMED} more` : "";
  const rest = wasAsked ? "" : ", so the cell runs on";
  return new AuraeError(
    "deadline_exceeded",
    `cell '${name}' does not stand still: among processes ${shown}${more} is one that did not freeze in ${timeoutMs} ms${rest}`,
    { resource: `${name}` },
  );
}

/**
 * Lets a frozen cell go on.
 * @throws {AuraeError} not_found, failed_precondition where a cell above is frozen, deadline_exceeded
 */
export async function thaw(
  kernel: Kernel,
  name: CellName,
  timeoutMs = FREEZE_TIMEOUT_MS,
): Promise<void> {
  const { cgroups } = kernel;
  const above = name.parent === undefined ? undefined : frozenBy(kernel, name.parent);
  if (above !== undefined) {
    throw new AuraeError(
      "failed_precondition",
      `cell '${name}' stays frozen as long as cell '${above}' is; thaw that`,
      { resource: `${above}` },
    );
  }
  const timeout = AbortSignal.timeout(timeoutMs);
  found(name, () => cgroups.write(`${name}`, { file: FILE, value: "0" }));
  try {
    await cgroups.frozen(`${name}`, false, timeout);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV")) {
      throw cgroupNotFound(name);
    }
    throw timeout.aborted
      ? new AuraeError("deadline_exceeded", `cell '${name}' was not thawed in ${timeoutMs} ms`, {
          resource: `${name}`,
        })
      : error;
  }
}

/**
 * Undoes a freeze of the cell itself, so that its processes see the signals of a Free. Does not wait, and does not mind
 * a cell that is gone.
 */
export function thawForFree({ cgroups }: Kernel, name: CellName): void {
  try {
    if (cgroups.read(`${name}`, FILE).trim() === "1") {
      cgroups.write(`${name}`, { file: FILE, value: "0" });
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENODEV")) {
      throw error;
    }
  }
}
