/** What top shows of cells: two readings of Status, and what happened between them. */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  type CellGraphNode,
  CellService,
  type CellServiceStatusResponse,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { ToolContext } from "./tool.ts";

/** How many cells are asked for at once. */
const PARALLEL_MAX = 8;

export interface Reading {
  readonly atMs: number;
  /** By the full name of the cell. */
  readonly cells: ReadonlyMap<string, CellServiceStatusResponse>;
}

/** One cell; undefined is what the kernel does not count. A rate is of a second. */
export interface TopRow {
  readonly name: string;
  readonly isFrozen: boolean;
  /** Of one processor, in percent. */
  readonly cpuPercent: number | undefined;
  readonly cpuMaxPercent: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly memoryMaxBytes: number | undefined;
  readonly processes: number | undefined;
  readonly processesMax: number | undefined;
  readonly readBytesPerSecond: number | undefined;
  readonly writtenBytesPerSecond: number | undefined;
  /** Shares of the last 10 seconds in which at least one process waited, in percent. */
  readonly waitedForCpu: number | undefined;
  readonly waitedForMemory: number | undefined;
  readonly waitedForIo: number | undefined;
}

/**
 * Reads a cell and those below it; all cells for an empty name. A cell that goes away meanwhile is left out.
 *
 * @throws ConnectError NOT_FOUND for a cell that is not there
 */
export async function readCells(
  { transport, timeoutMs }: Pick<ToolContext, "transport" | "timeoutMs">,
  name: string,
  signal: AbortSignal,
): Promise<Reading> {
  const client = createClient(CellService, transport);
  const options = timeoutMs === undefined ? { signal } : { signal, timeoutMs };
  const wanted = name.replace(/^\/+|\/+$/g, "");
  const list = await client.list({}, options);
  const names = list.cells
    .flatMap(namesOf)
    .filter((one) => wanted === "" || one === wanted || one.startsWith(`${wanted}/`));
  const cells = new Map<string, CellServiceStatusResponse>();
  if (wanted !== "" && !names.includes(wanted)) {
    cells.set(wanted, await client.status({ cellName: wanted }, options));
  }
  const rest = names[Symbol.iterator]();
  const work = Array.from({ length: PARALLEL_MAX }, async () => {
    for (const cellName of rest) {
      try {
        cells.set(cellName, await client.status({ cellName }, options));
      } catch (error) {
        if (ConnectError.from(error).code !== Code.NotFound) {
          throw error;
        }
      }
    }
  });
  await Promise.all(work);
  return { atMs: performance.now(), cells };
}

function namesOf({ cell, children }: CellGraphNode): string[] {
  return [...(cell === undefined ? [] : [cell.name]), ...children.flatMap(namesOf)];
}

/** The cells of the second reading, by name. */
export function rowsBetween(before: Reading, after: Reading): readonly TopRow[] {
  const seconds = (after.atMs - before.atMs) / 1000;
  const rate = (from: bigint | undefined, to: bigint | undefined): number | undefined =>
    // A cell that was freed and made anew counts from the beginning.
    from === undefined || to === undefined || to < from || seconds <= 0
      ? undefined
      : Number(to - from) / seconds;
  return [...after.cells]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { cell, frozen, usage, pressure }]) => {
      const then = before.cells.get(name)?.usage;
      const cpuRate = rate(then?.cpuUsec, usage?.cpuUsec);
      const { max = 0n, period = 100_000n } = cell?.cpu ?? {};
      return {
        name,
        isFrozen: frozen,
        cpuPercent: cpuRate === undefined ? undefined : cpuRate / 10_000,
        cpuMaxPercent: max === 0n ? undefined : (Number(max) / Number(period)) * 100,
        memoryBytes: numberOf(usage?.memoryBytes),
        memoryMaxBytes: limitOf(cell?.memory?.max),
        processes: numberOf(usage?.processes),
        processesMax: limitOf(cell?.pids?.max),
        readBytesPerSecond: rate(then?.ioReadBytes, usage?.ioReadBytes),
        writtenBytesPerSecond: rate(then?.ioWrittenBytes, usage?.ioWrittenBytes),
        waitedForCpu: pressure?.cpu?.some?.avg10,
        waitedForMemory: pressure?.memory?.some?.avg10,
        waitedForIo: pressure?.io?.some?.avg10,
      };
    });
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** A limit of 0 is none. */
function limitOf(value: bigint | undefined): number | undefined {
  return value === undefined || value === 0n ? undefined : Number(value);
}

/** What rows can be sorted by, with the key for it. */
export const SORTS = {
  c: { name: "cpu", value: (row: TopRow) => row.cpuPercent },
  m: { name: "memory", value: (row: TopRow) => row.memoryBytes },
  p: { name: "processes", value: (row: TopRow) => row.processes },
  r: { name: "read", value: (row: TopRow) => row.readBytesPerSecond },
  w: { name: "written", value: (row: TopRow) => row.writtenBytesPerSecond },
  n: { name: "name", value: () => 0 },
} as const;
export type Sort = keyof typeof SORTS;

/** The largest first; what is equal, by name. */
export function sortedRows(rows: readonly TopRow[], by: Sort): readonly TopRow[] {
  const { value } = SORTS[by];
  return [...rows].sort(
    (a, b) => (value(b) ?? -1) - (value(a) ?? -1) || (a.name < b.name ? -1 : 1),
  );
}
