/** One executable in a cell of its own, from nothing to nothing: what `systemd-run --wait` is to a unit. */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Ending } from "../executables/ending.ts";
import type { ExecutableSpec } from "../executables/executable-spec.ts";
import type { Executable } from "../executables/executable.ts";
import type { Cell, CellSpec } from "./cell.ts";
import type { Cells } from "./cells.ts";
import { settleNamespaces } from "./namespaces.ts";

export interface RunResult {
  readonly pid: number;
  readonly namespacePid: number;
  readonly ending: Ending;
}

/**
 * Allocates the cell, starts the executable in it, waits until that has ended for good, and frees the cell, however the
 * rest went. When the signal aborts, the executable is stopped as by Free. The cell is marked as one that goes with its
 * caller, so that the successor of a daemon that is killed meanwhile frees it.
 *
 * @throws {AuraeError} as Allocate, Start and Free do; the reason of the signal
 */
export async function run(
  cells: Cells,
  cellSpec: CellSpec,
  executableSpec: ExecutableSpec,
  signal: AbortSignal,
): Promise<RunResult> {
  signal.throwIfAborted();
  const cell = cells.beginAllocate({ ...cellSpec, isTransient: true });
  let result: RunResult;
  try {
    result = await runIn(cell, executableSpec, signal);
  } catch (error) {
    await cells.freeIfThere(cell).catch((cause: unknown) => {
      log.error("could not free the cell of a run", {
        cell: `${cell.name}`,
        cause: messageOf(cause),
      });
    });
    throw error;
  }
  await cells.freeIfThere(cell);
  return result;
}

async function runIn(cell: Cell, spec: ExecutableSpec, signal: AbortSignal): Promise<RunResult> {
  const executable = startIn(cell, spec);
  const ending = await executable.wait(signal);
  await executable.drained();
  return { pid: executable.pid, namespacePid: executable.namespacePid, ending };
}

/** What can be done for the executable is done while the kernel makes the cell's namespaces. */
function startIn(cell: Cell, spec: ExecutableSpec): Executable {
  try {
    return cell.executables.start(spec);
  } finally {
    // Where they did not come about, that is the reason, and not what was made of it.
    settleNamespaces(cell);
  }
}
