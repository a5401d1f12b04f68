/** Between the messages of `aurae.cells.v0` and the domain's values. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AuraeError } from "../../base/errors.ts";
import type { Cell as DomainCell, CellSpec } from "../../domain/cells/cell.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import type {
  Executable as DomainExecutable,
  ExecutableSpec,
  ExitStatus,
} from "../../domain/executables/executable.ts";
import { executableName } from "../../domain/executables/executable-name.ts";
import {
  type Cell,
  type CellGraphNode,
  CellGraphNodeSchema,
  type CellSchema,
  type CellServiceStartRequest,
  ExecutableState,
  type ExecutableSummarySchema,
  type ExitStatusSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";

/** The validation has seen that what is required is there; this only tells the type checker. */
export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) {
    throw new AuraeError("invalid_argument", `${field}: value is required`, {
      violations: [{ field, description: "value is required" }],
    });
  }
  return value;
}

export function cellSpecFromProto(cell: Cell): CellSpec {
  const { cpu, cpuset, memory } = cell;
  return {
    name: CellName.parse(cell.name),
    limits: {
      cpu: cpu && { weight: cpu.weight, max: cpu.max, period: cpu.period },
      cpuset: cpuset && { cpus: cpuset.cpus, mems: cpuset.mems },
      memory: memory && {
        min: memory.min,
        low: memory.low,
        high: memory.high,
        max: memory.max,
      },
    },
  };
}

export function executableSpecFromProto(request: CellServiceStartRequest): ExecutableSpec {
  const executable = present(request.executable, "executable");
  return {
    name: executableName(executable.name),
    command: executable.command,
    description: executable.description,
    uid: request.uid,
    gid: request.gid,
  };
}

/** The cell that a request names, if it names one. */
export function cellNameFromProto(name: string | undefined): CellName | undefined {
  return name === undefined ? undefined : CellName.parse(name);
}

/** Leaves out what is undefined, as messages want it. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function cellToProto({ name, limits }: CellSpec): MessageInitShape<typeof CellSchema> {
  return {
    name: `${name}`,
    ...(limits.cpu && { cpu: defined(limits.cpu) }),
    ...(limits.cpuset && { cpuset: defined(limits.cpuset) }),
    ...(limits.memory && { memory: defined(limits.memory) }),
  };
}

export function exitStatusToProto(status: ExitStatus): MessageInitShape<typeof ExitStatusSchema> {
  return {
    outcome:
      status.kind === "exited"
        ? { case: "exitCode", value: status.code }
        : { case: "signal", value: status.signal },
  };
}

const STATES = {
  running: ExecutableState.RUNNING,
  stopping: ExecutableState.STOPPING,
  exited: ExecutableState.EXITED,
} as const;

function executableToProto(
  executable: DomainExecutable,
): MessageInitShape<typeof ExecutableSummarySchema> {
  const { spec, pid, state, exitStatus } = executable;
  return {
    name: spec.name,
    command: spec.command,
    description: spec.description,
    pid,
    state: STATES[state],
    ...(state === "exited" && exitStatus !== undefined
      ? { exitStatus: exitStatusToProto(exitStatus) }
      : {}),
  };
}

/** A cell with all below it, children and executables by name. */
export function cellGraphToProto(cell: DomainCell): CellGraphNode {
  const byName = <T>([a]: readonly [string, T], [b]: readonly [string, T]): number =>
    a < b ? -1 : 1;
  return create(CellGraphNodeSchema, {
    cell: cellToProto(cell.spec),
    children: [...cell.children].sort(byName).map(([, child]) => cellGraphToProto(child)),
    executables: [...cell.executables].sort(byName).map(([, it]) => executableToProto(it)),
  });
}
