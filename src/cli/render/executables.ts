/** What is told of an executable: its process ids, its state, what it runs, how it ended. */
import { constants } from "node:os";
import {
  ExecutableState,
  type ExecutableSummary,
  type ExitStatus,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { Health } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { counted } from "./units.ts";

/** `77`, or `2 (4711)`: in its cell, and on the machine when that is another. */
export function pidText({ pid, hostPid }: ExecutableSummary): string {
  if (pid === 0) {
    return hostPid === 0 ? "" : `(${hostPid})`;
  }
  return hostPid === 0 || hostPid === pid ? String(pid) : `${pid} (${hostPid})`;
}

/** `running, healthy, 2 restarts`, `killed by SIGKILL, out of memory`. */
export function stateText(executable: ExecutableSummary): string {
  const { health, oomKilled, restarts } = executable;
  return [
    stateWord(executable),
    ...(health === Health.HEALTHY ? ["healthy"] : []),
    ...(health === Health.UNHEALTHY ? ["unhealthy"] : []),
    ...(oomKilled ? ["out of memory"] : []),
    ...(restarts > 0 ? [counted(restarts, "restart")] : []),
  ].join(", ");
}

function stateWord({ state, exitStatus }: ExecutableSummary): string {
  const last = exitStatus === undefined ? "" : ` (${exitText(exitStatus.outcome)})`;
  switch (state) {
    case ExecutableState.RUNNING:
      return "running";
    case ExecutableState.STOPPING:
      return "stopping";
    case ExecutableState.EXITED:
      return exitText(exitStatus?.outcome);
    case ExecutableState.STARTING:
      return "starting";
    case ExecutableState.WAITING:
      return "waiting";
    case ExecutableState.RESTARTING:
      return `restarting${last}`;
    case ExecutableState.FAILED:
      return `failed${last}`;
    default:
      return "unknown";
  }
}

/** `exited 1`, `killed by SIGKILL`. */
export function exitText(outcome: ExitStatus["outcome"] | undefined): string {
  switch (outcome?.case) {
    case "exitCode":
      return `exited ${outcome.value}`;
    case "signal":
      return `killed by ${signalName(outcome.value)}`;
    default:
      return "exited";
  }
}

/** What it runs, and what it says of itself. */
export function commandText({ command, args, statusText }: ExecutableSummary): string {
  const line = args.length > 0 ? args.map(quoted).join(" ") : command;
  return statusText === "" ? line : `${line} (${statusText})`;
}

/** As a shell would take it back. */
function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

export function signalName(signal: number): string {
  const known = Object.entries(constants.signals).find(([, number]) => number === signal);
  return known?.[0] ?? `signal ${signal}`;
}
