/** Cells and events: from messages to the domain's values and back. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Cell as DomainCell, CellSpec } from "../../domain/cells/cell.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import type { CellEvent, EventKind } from "../../domain/events/event-log.ts";
import type { Executable } from "../../domain/executables/executable.ts";
import {
  type Cell,
  type CellGraphNode,
  CellGraphNodeSchema,
  type CellSchema,
  type ExecutableSummarySchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { CellEventKind, type CellEventSchema } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { executableToProto } from "./executables.ts";
import { limitsFromProto, limitsToProto } from "./limits.ts";

export function cellSpecFromProto(cell: Cell): CellSpec {
  const maxBytes = cell.output?.maxBytes;
  return {
    name: CellName.parse(cell.name),
    limits: limitsFromProto(cell),
    isolateProcess: cell.isolateProcess,
    isolateNetwork: cell.isolateNetwork,
    outputMaxBytes: maxBytes === undefined ? undefined : Number(maxBytes),
    isTransient: false,
  };
}

/** The cell that a request names, if it names one. */
export function cellNameFromProto(name: string | undefined): CellName | undefined {
  return name === undefined ? undefined : CellName.parse(name);
}

/** @param limits in place of those that were asked for */
export function cellToProto(
  { name, isolateProcess, isolateNetwork, outputMaxBytes, ...spec }: CellSpec,
  limits = spec.limits,
): MessageInitShape<typeof CellSchema> {
  return {
    name: `${name}`,
    ...limitsToProto(limits),
    isolateProcess,
    isolateNetwork,
    ...(outputMaxBytes === undefined ? {} : { output: { maxBytes: BigInt(outputMaxBytes) } }),
  };
}

/** How much is told of an executable. */
type Summary = (executable: Executable) => MessageInitShape<typeof ExecutableSummarySchema>;

export function executablesToProto(
  executables: Iterable<Executable>,
  summary: Summary = executableToProto,
): MessageInitShape<typeof ExecutableSummarySchema>[] {
  return [...executables].sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1)).map(summary);
}

/** A cell with all below it, children and executables by name. */
export function cellGraphToProto(cell: DomainCell, summary?: Summary): CellGraphNode {
  const children = [...cell.children].sort(([a], [b]) => (a < b ? -1 : 1));
  return create(CellGraphNodeSchema, {
    cell: cellToProto(cell.spec),
    children: children.map(([, child]) => cellGraphToProto(child, summary)),
    executables: executablesToProto(cell.executables, summary),
  });
}

const EVENT_KINDS: Readonly<Record<EventKind, CellEventKind>> = {
  allocated: CellEventKind.ALLOCATED,
  updated: CellEventKind.UPDATED,
  frozen: CellEventKind.FROZEN,
  thawed: CellEventKind.THAWED,
  freed: CellEventKind.FREED,
  "oom-kill": CellEventKind.OOM_KILL,
  waiting: CellEventKind.WAITING,
  started: CellEventKind.STARTED,
  ready: CellEventKind.READY,
  healthy: CellEventKind.HEALTHY,
  unhealthy: CellEventKind.UNHEALTHY,
  exited: CellEventKind.EXITED,
  restarting: CellEventKind.RESTARTING,
  failed: CellEventKind.FAILED,
  stopping: CellEventKind.STOPPING,
  stopped: CellEventKind.STOPPED,
  adopted: CellEventKind.ADOPTED,
};

export function eventToProto(event: CellEvent): MessageInitShape<typeof CellEventSchema> {
  const { status } = event;
  return {
    sequence: event.sequence,
    timestampMs: BigInt(event.timestampMs),
    cellName: event.cell,
    executableName: event.executable ?? "",
    kind: EVENT_KINDS[event.kind],
    hostPid: event.pid ?? 0,
    exitCode: event.kind !== "exited" ? 0 : status?.kind === "exited" ? status.code : -1,
    exitSignal: event.kind === "exited" && status?.kind === "signaled" ? status.signal : 0,
    detail: event.detail ?? "",
  };
}
