/**
 * The global `runtime` of Aurae's first scripts: the cells of today under the names of then. A cell had its processors and
 * memory nodes itself (`cpus`, `mems`), its share as cgroup v1 counts it (`shares`), its time in each period (`quota`);
 * an executable named its cell.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import * as cells from "../gen/cells.ts";
import type { DeepPartial, JsonValue, MessageType } from "../message/types.ts";
import { quoted } from "../message/refusal.ts";
import type { CallOptions } from "../service-client.ts";

export * from "../gen/cells.ts";

export interface Cell extends cells.Cell {
  /** Processors, as the kernel writes lists: now `cpuset.cpus`. */
  cpus?: string | undefined;
  /** Memory nodes: now `cpuset.mems`. */
  mems?: string | undefined;
  /** The share among siblings, 2 to 262144, 1024 if left out (cpu.shares of cgroup v1): now `cpu.weight`. */
  shares?: number | undefined;
  /** The most time in each period, in microseconds: now `cpu.max`. */
  quota?: number | undefined;
}

export interface Executable extends cells.Executable {
  /** The cell to run in: now a field of the request. */
  cellName?: string | undefined;
}

export interface AllocateCellRequest {
  cell?: Cell | undefined;
}

export interface StartExecutableRequest {
  executable?: Executable | undefined;
}

export type AllocateCellResponse = cells.CellServiceAllocateResponse;
export type StartExecutableResponse = cells.CellServiceStartResponse;
export type FreeCellRequest = cells.CellServiceFreeRequest;
export type FreeCellResponse = cells.CellServiceFreeResponse;
export type StopExecutableRequest = cells.CellServiceStopRequest;
export type StopExecutableResponse = cells.CellServiceStopResponse;

type AllocateRequest =
  DeepPartial<AllocateCellRequest> | DeepPartial<cells.CellServiceAllocateRequest>;
type StartRequest =
  DeepPartial<StartExecutableRequest> | DeepPartial<cells.CellServiceStartRequest>;

export class CellServiceClient extends cells.CellServiceClient {
  override async allocate(
    request: AllocateRequest,
    options: CallOptions = {},
  ): Promise<cells.CellServiceAllocateResponse> {
    return await super.allocate(currentAllocate(request), options);
  }

  override async start(
    request: StartRequest,
    options: CallOptions = {},
  ): Promise<cells.CellServiceStartResponse> {
    return await super.start(currentStart(request), options);
  }
}

export const Cell: MessageType<Cell> = older(cells.Cell, currentCell);

export const Executable: MessageType<Executable> = {
  ...older(cells.Executable, (part) => withoutCellName(part)),
  fromPartial: (part) => executableFrom(part),
  create: (part = {}) => executableFrom(part),
};

/** The value for a message that has names of then, too, which are turned into those of now. */
function older<Now, Then extends Now>(
  type: MessageType<Now>,
  current: (part: unknown) => unknown,
): MessageType<Then> {
  const fromPartial = (part: unknown): Then =>
    type.fromPartial(current(part) as DeepPartial<Now>) as Then;
  const fromJson = (json: unknown): Then => type.fromJson(json) as Then;
  const toJson = (part: unknown): JsonValue => type.toJson(current(part) as DeepPartial<Now>);
  return {
    typeName: type.typeName,
    fromPartial,
    create: (part = {} as DeepPartial<Then>) => fromPartial(part),
    fromJson,
    fromJSON: fromJson,
    toJson,
    toJSON: toJson,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function currentAllocate(request: unknown): DeepPartial<cells.CellServiceAllocateRequest> {
  // What is no object is refused by the call, with the words it has for everything.
  return (
    isObject(request) ? { ...request, cell: currentCell(request.cell) } : request
  ) as DeepPartial<cells.CellServiceAllocateRequest>;
}

function currentStart(request: unknown): DeepPartial<cells.CellServiceStartRequest> {
  if (!isObject(request) || !isObject(request.executable)) {
    return request as DeepPartial<cells.CellServiceStartRequest>;
  }
  const { cellName } = request.executable;
  if (cellName !== undefined && request.cellName !== undefined && cellName !== request.cellName) {
    throw refused(
      `executable.cellName: is ${quoted(cellName)}, and cellName is ${quoted(request.cellName)}: give one`,
    );
  }
  return {
    ...request,
    executable: withoutCellName(request.executable),
    cellName: request.cellName ?? cellName,
  } as DeepPartial<cells.CellServiceStartRequest>;
}

function currentCell(part: unknown): unknown {
  if (!isObject(part)) {
    return part;
  }
  const { cpus, mems, shares, quota, ...now } = part;
  const cpuset = given({ cpus, mems });
  const cpu = given({ weight: shares === undefined ? undefined : weightFrom(shares), max: quota });
  return {
    ...now,
    ...(cpuset === undefined ? {} : { cpuset: below(cpuset, now.cpuset) }),
    ...(cpu === undefined ? {} : { cpu: below(cpu, now.cpu) }),
  };
}

/** What is said in the names of now goes first; where that is wrong, it is for the call to refuse. */
function below(then: Fields, now: unknown): unknown {
  return now === undefined || isObject(now) ? { ...then, ...now } : now;
}

/** The fields that are there; nothing where none is. */
function given(fields: Fields): Fields | undefined {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : Object.fromEntries(there);
}

/** cpu.shares of cgroup v1, 2 to 262144, onto cpu.weight, 1 to 10000, as container runtimes do (OCI runtime, crun(1)). */
function weightFrom(shares: unknown): number {
  if (typeof shares !== "number" || !Number.isInteger(shares) || shares < 2 || shares > 262_144) {
    throw refused(`cell.shares: want an integer, 2 to 262144, not ${quoted(shares)}`);
  }
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

function executableFrom(part: unknown): Executable {
  const made: Executable = cells.Executable.fromPartial(
    withoutCellName(part) as DeepPartial<cells.Executable>,
  );
  const cellName = isObject(part) ? part.cellName : undefined;
  if (cellName === undefined) {
    return made;
  }
  if (typeof cellName !== "string") {
    throw refused(`Executable: cellName: want a string, not ${quoted(cellName)}`);
  }
  return { ...made, cellName };
}

function withoutCellName(part: unknown): unknown {
  if (!isObject(part)) {
    return part;
  }
  const { cellName: _, ...rest } = part;
  return rest;
}

function refused(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
