/**
 * An answer as text: proto3 JSON, or for people. Answers that deserve more than the general form are listed here.
 */
import { type Message, toJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { DescMessage } from "@bufbuild/protobuf";
import type {
  CellServiceStopResponse,
  CellServiceUpdateResponse,
  CellServiceWaitResponse,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { ResourceUsage } from "../../gen/aurae/cells/v0/executables_pb.ts";
import type { LogItem } from "../../gen/aurae/observe/v0/observe_pb.ts";
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { escapeJson, escapeText } from "../escape.ts";
import type { OutputFormat } from "../flags.ts";
import { renderCellEvent } from "./cell-events.ts";
import { renderCellStatus } from "./cell-status.ts";
import { renderCellTree } from "./cell-tree.ts";
import { exitText } from "./executables.ts";
import { limitsText } from "./limits.ts";
import { renderLine, renderMessage } from "./message.ts";
import type { Style } from "./style.ts";
import { timeText } from "./times.ts";
import { durationText, roundBytes } from "./units.ts";

export interface AnswerForm {
  readonly output: OutputFormat;
  /** One line a message. */
  readonly isStream: boolean;
  readonly style: Style;
}

/** The text of one answer with the end of its last line; nothing for an answer that says nothing. */
export function renderAnswer(desc: DescMessage, answer: Message, form: AnswerForm): string {
  if (form.output === "json") {
    const json = toJson(desc, answer, { alwaysEmitImplicit: true });
    return `${escapeJson(JSON.stringify(json, undefined, form.isStream ? 0 : 2))}\n`;
  }
  const special = SPECIAL[desc.typeName];
  if (special !== undefined) {
    return special(answer, form.style);
  }
  const reflected: ReflectMessage = reflect(desc, answer);
  return form.isStream ? `${renderLine(reflected)}\n` : renderMessage(reflected, form.style);
}

const SPECIAL: Readonly<Record<string, (answer: Message, style: Style) => string>> = {
  "aurae.cells.v0.CellServiceListResponse": renderCellTree,
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
  "grpc.health.v1.HealthCheckResponse": (answer) => {
    const { status } = answer as HealthCheckResponse;
    return `${HealthCheckResponse_ServingStatus[status] ?? status}\n`;
  },
  "aurae.observe.v0.GetAuraeDaemonLogStreamResponse": logLine,
  "aurae.observe.v0.GetSubProcessStreamResponse": logLine,
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

function logLine(answer: Message): string {
  const { item, missedBytes = 0n } = answer as Message & {
    readonly item?: LogItem;
    readonly missedBytes?: bigint;
  };
  const missed = missedBytes === 0n ? "" : `(${missedBytes} bytes missed)\n`;
  if (item === undefined) {
    return missed === "" ? "\n" : missed;
  }
  const line = `${timeText(item.timestamp)}  ${escapeText(item.channel)}  ${escapeText(item.line)}`;
  return `${missed}${line}${item.partial ? "…" : ""}\n`;
}
