/**
 * An answer as text: proto3 JSON, or for people. Answers that deserve more than the general form are listed here.
 */
import { type Message, toJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { DescMessage } from "@bufbuild/protobuf";
import type { CellServiceStopResponse } from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { LogItem } from "../../gen/aurae/observe/v0/observe_pb.ts";
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { escapeJson, escapeText } from "../escape.ts";
import type { OutputFormat } from "../flags.ts";
import { exitText, renderCellTree } from "./cell-tree.ts";
import { renderLine, renderMessage } from "./message.ts";
import type { Style } from "./style.ts";

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
  "aurae.cells.v0.CellServiceStopResponse": (answer) => {
    const { exitStatus } = answer as CellServiceStopResponse;
    return exitStatus === undefined ? "" : `${exitText(exitStatus.outcome)}\n`;
  },
  "grpc.health.v1.HealthCheckResponse": (answer) => {
    const { status } = answer as HealthCheckResponse;
    return `${HealthCheckResponse_ServingStatus[status] ?? status}\n`;
  },
  "aurae.observe.v0.GetAuraeDaemonLogStreamResponse": logLine,
  "aurae.observe.v0.GetSubProcessStreamResponse": logLine,
};

function logLine(answer: Message): string {
  const { item } = answer as Message & { readonly item?: LogItem };
  if (item === undefined) {
    return "\n";
  }
  return `${timeText(item.timestamp)}  ${escapeText(item.channel)}  ${escapeText(item.line)}\n`;
}

/** A daemon of another kind may send what is no time. */
function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(".000Z", "Z");
}
