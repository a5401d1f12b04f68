/** Answers about cells that deserve more than the general form. */
import type { Message } from "@bufbuild/protobuf";
import type {
  CellServiceStopResponse,
  CellServiceUpdateResponse,
  CellServiceWaitResponse,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { ResourceUsage } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { escapeText } from "../../base/escape.ts";
import type { SpecialRenderer } from "./answers.ts";
import { renderCellEvent } from "./cell-events.ts";
import { renderCellStatus } from "./cell-status.ts";
import { renderCellTree } from "./cell-tree.ts";
import { exitText } from "./executables.ts";
import { limitsText } from "./limits.ts";
import { durationText, roundBytes } from "./units.ts";

export const CELL_ANSWERS: Readonly<Record<string, SpecialRenderer>> = {
  "aurae.cells.v0.CellServiceListResponse": renderCellTree,
  "aurae.cells.v0.CellServiceInspectResponse": renderCellTree,
  "aurae.cells.v0.CellServiceStatusResponse": renderCellStatus,
  "aurae.cells.v0.CellServiceEventsResponse": renderCellEvent,
  "aurae.cells.v0.CellServiceStopResponse": endingLine,
  "aurae.cells.v0.CellServiceWaitResponse": (answer) => {
    const { exitStatus, usage } = answer as CellServiceWaitResponse;
    const line = exitStatus === undefined ? "ended, and nobody saw how\n" : endingLine(answer);
    return usage === undefined ? line : `${line}${usageLine(usage)}`;
  },
  "aurae.cells.v0.CellServiceUpdateResponse": (answer) => {
    const { cell } = answer as CellServiceUpdateResponse;
    return `${escapeText(`${cell?.name ?? "?"}  ${limitsText(cell)}`.trimEnd())}\n`;
  },
};

function endingLine(answer: Message): string {
  const { exitStatus, oomKilled } = answer as CellServiceStopResponse | CellServiceWaitResponse;
  const cause = oomKilled ? ", out of memory" : "";
  return exitStatus === undefined ? "" : `${exitText(exitStatus.outcome)}${cause}\n`;
}

function usageLine({ cpuUserUsec, cpuSystemUsec, maxRssBytes }: ResourceUsage): string {
  const memory = maxRssBytes === 0n ? "" : `, memory at most ${roundBytes(maxRssBytes)}`;
  return `user ${durationText(cpuUserUsec)}, system ${durationText(cpuSystemUsec)}${memory}\n`;
}
