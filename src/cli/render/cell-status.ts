/** The answer of Status, as a block with units for people. What the kernel does not count is left out. */
import type { Message } from "@bufbuild/protobuf";
import type { Cell, CellServiceStatusResponse } from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { CellUsage, Pressure, PressureShare } from "../../gen/aurae/cells/v0/limits_pb.ts";
import { escapeText } from "../../base/escape.ts";
import { commandText, pidText, stateText } from "./executables.ts";
import { limitsText } from "./limits.ts";
import { paint, type Style } from "./style.ts";
import { renderTable } from "./table.ts";
import { counted, durationText, roundBytes } from "./units.ts";

const TITLE_WIDTH = "processes".length;

export function renderCellStatus(answer: Message, style: Style): string {
  const { cell, frozen, usage, pressure, executables } = answer as CellServiceStatusResponse;
  const name = paint(escapeText(cell?.name ?? "?"), "bold", style);
  const rows = [
    ["limits", escapeText(limitsText(cell))] as const,
    ...(usage === undefined ? [] : usageRows(usage, cell)),
    ...pressureRows("cpu", pressure?.cpu),
    ...pressureRows("memory", pressure?.memory),
    ...pressureRows("io", pressure?.io),
  ].filter(([, text]) => text !== "");
  const lines = rows.map(
    ([title, text]) => `${paint(title.padEnd(TITLE_WIDTH), "dim", style)}  ${text}\n`,
  );
  const table = renderTable(
    ["EXECUTABLE", "PID", "STATE", "COMMAND"],
    executables.map((one) => ({
      cells: [one.name, pidText(one), stateText(one), commandText(one)],
    })),
    style,
  );
  return [
    `${name}${frozen ? "  frozen" : ""}\n`,
    ...lines,
    ...(executables.length === 0 ? [] : ["\n", table]),
  ].join("");
}

function usageRows(
  usage: CellUsage,
  cell: Cell | undefined,
): readonly (readonly [string, string])[] {
  return [
    ["cpu", cpuText(usage)],
    ["memory", memoryText(usage, cell?.memory?.max)],
    ["processes", processesText(usage, cell?.pids?.max)],
    ["disks", disksText(usage)],
  ];
}

function cpuText(usage: CellUsage): string {
  const { cpuUsec, cpuUserUsec, cpuSystemUsec, cpuThrottledCount, cpuThrottledUsec } = usage;
  return [
    ...(cpuUsec === undefined ? [] : [durationText(cpuUsec)]),
    ...(cpuUserUsec === undefined ? [] : [`user ${durationText(cpuUserUsec)}`]),
    ...(cpuSystemUsec === undefined ? [] : [`system ${durationText(cpuSystemUsec)}`]),
    ...(cpuThrottledCount === undefined || cpuThrottledCount === 0n
      ? []
      : [
          `throttled ${counted(cpuThrottledCount, "time")} for ${durationText(cpuThrottledUsec ?? 0n)}`,
        ]),
  ].join(", ");
}

/** A limit of 0 is none. */
function memoryText(usage: CellUsage, max: bigint | undefined): string {
  const { memoryBytes, memoryPeakBytes, swapBytes, oomKills } = usage;
  const limit = max === undefined || max === 0n ? "" : ` of ${roundBytes(max)}`;
  return [
    ...(memoryBytes === undefined ? [] : [`${roundBytes(memoryBytes)}${limit}`]),
    ...(memoryPeakBytes === undefined ? [] : [`peak ${roundBytes(memoryPeakBytes)}`]),
    ...(swapBytes === undefined || swapBytes === 0n ? [] : [`swap ${roundBytes(swapBytes)}`]),
    ...(oomKills === undefined || oomKills === 0n
      ? []
      : [`killed for want of it ${counted(oomKills, "time")}`]),
  ].join(", ");
}

function processesText({ processes }: CellUsage, max: bigint | undefined): string {
  const limit = max === undefined || max === 0n ? "" : ` of ${max}`;
  return processes === undefined ? "" : `${processes}${limit}`;
}

function disksText({ ioReadBytes, ioWrittenBytes }: CellUsage): string {
  return [
    ...(ioReadBytes === undefined ? [] : [`read ${roundBytes(ioReadBytes)}`]),
    ...(ioWrittenBytes === undefined ? [] : [`written ${roundBytes(ioWrittenBytes)}`]),
  ].join(", ");
}

/** Shares of the last 10, 60 and 300 seconds. */
function pressureRows(
  what: string,
  pressure: Pressure | undefined,
): readonly (readonly [string, string])[] {
  if (pressure === undefined) {
    return [];
  }
  const parts = [
    ...(pressure.some === undefined ? [] : [`some ${shareText(pressure.some)}`]),
    ...(pressure.full === undefined ? [] : [`all ${shareText(pressure.full)}`]),
  ];
  return parts.length === 0 ? [] : [["waiting", `for ${what}: ${parts.join(", ")}`]];
}

function shareText({ avg10, avg60, avg300, totalUsec }: PressureShare): string {
  const shares = [avg10, avg60, avg300].map((share) => share.toFixed(1)).join("/");
  return `${shares} % (${durationText(totalUsec)})`;
}
