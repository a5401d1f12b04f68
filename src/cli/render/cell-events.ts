/** An answer of Events, as one line: when, its number, on what, what happened, and more about it. */
import type { Message } from "@bufbuild/protobuf";
import type { CellServiceEventsResponse } from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  type CellEvent,
  CellEventKind,
  CellEventKindSchema,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import { escapeText } from "../../base/escape.ts";
import { enumText } from "../names.ts";
import { exitText } from "./executables.ts";
import { timeTextMs } from "./times.ts";

export function renderCellEvent(answer: Message): string {
  const { event } = answer as CellServiceEventsResponse;
  if (event === undefined) {
    return "\n";
  }
  const { timestampMs, sequence, hostPid, detail } = event;
  const parts = [
    timeTextMs(timestampMs),
    String(sequence),
    subject(event),
    whatHappened(event),
    ...(hostPid === 0 ? [] : [`pid ${hostPid}`]),
    ...(detail === "" ? [] : [escapeText(detail)]),
  ];
  return `${parts.join("  ")}\n`;
}

/** `web/db`, `web/db: server`, `server`. */
function subject({ cellName, executableName }: CellEvent): string {
  const parts = [cellName, executableName].filter((part) => part !== "");
  return parts.length === 0 ? "-" : parts.map(escapeText).join(": ");
}

function whatHappened({ kind, exitCode, exitSignal }: CellEvent): string {
  if (kind === CellEventKind.EXITED) {
    if (exitSignal !== 0) {
      return exitText({ case: "signal", value: exitSignal });
    }
    return exitCode < 0 ? "exited" : exitText({ case: "exitCode", value: exitCode });
  }
  return enumText(CellEventKindSchema, kind);
}
