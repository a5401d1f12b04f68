/**
 * What differs between a cell that is there and one that is described, and the Update that makes it so. A limit that is
 * left out of a description is no limit, as it is for Allocate; Update leaves what is left out, so a limit that is to go
 * is sent as the value that means none. Pure.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cell,
  CellSchema,
  type CellServiceUpdateRequest,
  CellServiceUpdateRequestSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { changesBetween, flatten } from "./flatten.ts";
import type { Change } from "./types.ts";

/** The kernel takes it for no limit, and shows it as `max` (memory.swap.max, hugetlb.<size>.max). */
export const NO_LIMIT = 2n ** 63n - 1n;

/** What the kernel, or the daemon, does when nothing is said. The API's comments have the same numbers. */
export const UNLIMITED = {
  cpu: { weight: 100n, max: 0n, period: 100_000n, idle: false, burst: 0n },
  cpuset: { cpus: "", mems: "" },
  memory: { min: 0n, low: 0n, high: 0n, max: 0n, swapMax: NO_LIMIT, oomGroup: false },
  pids: { max: 0n },
  io: { weight: 100n },
  output: { maxBytes: 16n * 1024n * 1024n },
} satisfies MessageInitShape<typeof CellSchema>;

type Controller = "cpu" | "cpuset" | "memory" | "pids" | "io";
const CONTROLLERS: readonly Controller[] = ["cpu", "cpuset", "memory", "pids", "io"];

const FORM = { keys: { "io.devices": "device" } };
const DEFAULTS = flatten(CellSchema, create(CellSchema, UNLIMITED), FORM);
const HUGETLB = "hugetlb.max[";

/** A cell as a table, without what means nothing. */
function tableOf(cell: Cell): Map<string, string> {
  const table = flatten(CellSchema, cell, FORM);
  table.delete("name");
  for (const [field, value] of [...table]) {
    const isNone = field.startsWith(HUGETLB) && BigInt(value) >= NO_LIMIT;
    if (isNone || DEFAULTS.get(field) === value) {
      table.delete(field);
    }
  }
  return table;
}

const LIVE = new Set(CellServiceUpdateRequestSchema.fields.map(({ name }) => name));

export interface CellChanges {
  /** What Update can change. */
  readonly live: readonly Change[];
  /** What takes another cell. */
  readonly fixed: readonly Change[];
}

export function cellChanges(observed: Cell, described: Cell): CellChanges {
  const all = changesBetween(tableOf(observed), tableOf(described));
  const isLive = ({ field }: Change): boolean => LIVE.has(field.split(".")[0] ?? "");
  return { live: all.filter(isLive), fixed: all.filter((change) => !isLive(change)) };
}

/** What is asked of a new cell. */
export function cellFields(cell: Cell): Change[] {
  return changesBetween(new Map(), tableOf(cell));
}

/** The limits of one controller that are there and not described, as the values that mean none. */
function withdrawn<C extends Controller>(observed: Cell, described: Cell, controller: C): object {
  const has = observed[controller] ?? {};
  const wants = described[controller] ?? {};
  const gone = Object.entries(UNLIMITED[controller]).filter(([name]) => {
    const [before, after]: unknown[] = [Reflect.get(has, name), Reflect.get(wants, name)];
    return before !== undefined && after === undefined;
  });
  return Object.fromEntries(gone);
}

function ioDevices(observed: Cell, described: Cell) {
  const wanted = described.io?.devices ?? [];
  const gone = (observed.io?.devices ?? []).filter(
    ({ device }) => !wanted.some((other) => other.device === device),
  );
  return [...wanted, ...gone.map(({ device }) => ({ device }))];
}

function hugePages(observed: Cell, described: Cell): Record<string, bigint> {
  const gone = Object.keys(observed.hugetlb?.max ?? {}).map((size) => [size, NO_LIMIT]);
  return { ...Object.fromEntries(gone), ...described.hugetlb?.max } as Record<string, bigint>;
}

/** The request that gives a cell the limits that are described, and takes those away that are not. */
export function updateRequest(observed: Cell, described: Cell): CellServiceUpdateRequest {
  const request: Record<string, object> = {};
  for (const controller of CONTROLLERS) {
    const { $typeName: _, ...wanted } = described[controller] ?? { $typeName: "" };
    const limits = {
      ...wanted,
      ...withdrawn(observed, described, controller),
      ...(controller === "io" ? { devices: ioDevices(observed, described) } : {}),
    };
    if (Object.keys(limits).length > 0) {
      request[controller] = limits;
    }
  }
  const max = hugePages(observed, described);
  return create(CellServiceUpdateRequestSchema, {
    cellName: described.name,
    ...request,
    ...(Object.keys(max).length === 0 ? {} : { hugetlb: { max } }),
  });
}
