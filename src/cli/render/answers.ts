/**
 * An answer as text: proto3 JSON, or for people. Answers that deserve more than the general form are listed here, those
 * about cells and virtual machines in cell-answers.ts and vm-answers.ts, which are loaded with their messages only.
 */
import { type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { LogItem } from "../../gen/aurae/observe/v0/observe_pb.ts";
import type { HealthCheckResponse } from "../../gen/grpc/health/v1/health_pb.ts";
import { escapeJson, escapeText } from "../../base/escape.ts";
import type { OutputFormat } from "../flags.ts";
import { renderLine, renderMessage } from "./message.ts";
import type { Style } from "./style.ts";
import { timeText } from "./times.ts";

export interface AnswerForm {
  readonly output: OutputFormat;
  /** One line a message. */
  readonly isStream: boolean;
  readonly style: Style;
}

/** The text of one answer with the end of its last line; nothing for an answer that says nothing. */
export type AnswerRenderer = (answer: Message, form: AnswerForm) => string;

/** For people, where the general form does not do. */
export type SpecialRenderer = (answer: Message, style: Style, desc: DescMessage) => string;

/** Loads what is needed to show answers of a kind. */
export async function answerRenderer(desc: DescMessage): Promise<AnswerRenderer> {
  const special = (await specialsOf(desc))[desc.typeName];
  return (answer, form) => {
    if (form.output === "json") {
      const json = toJson(desc, answer, { alwaysEmitImplicit: true });
      return `${escapeJson(JSON.stringify(json, undefined, form.isStream ? 0 : 2))}\n`;
    }
    if (special !== undefined) {
      return special(answer, form.style, desc);
    }
    const reflected: ReflectMessage = reflect(desc, answer);
    return form.isStream ? `${renderLine(reflected)}\n` : renderMessage(reflected, form.style);
  };
}

async function specialsOf({
  typeName,
}: DescMessage): Promise<Readonly<Record<string, SpecialRenderer>>> {
  if (typeName.startsWith("aurae.cells.")) {
    return (await import("./cell-answers.ts")).CELL_ANSWERS;
  }
  return typeName.startsWith("aurae.vms.") ? (await import("./vm-answers.ts")).VM_ANSWERS : SPECIAL;
}

const SPECIAL: Readonly<Record<string, SpecialRenderer>> = {
  "grpc.health.v1.HealthCheckResponse": (answer, _, desc) => {
    const { status } = answer as HealthCheckResponse;
    return `${desc.field.status?.enum?.value[status]?.name ?? status}\n`;
  },
  "aurae.observe.v0.GetAuraeDaemonLogStreamResponse": logLine,
  "aurae.observe.v0.GetSubProcessStreamResponse": logLine,
};

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
