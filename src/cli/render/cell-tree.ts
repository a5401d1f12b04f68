/**
 * The tree of cells, with the limits of each and the executables in it. Only the answer of List is drawn here.
 */
import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { constants } from "node:os";
import {
  type Cell,
  CellSchema,
  type CellGraphNode,
  type CellServiceListResponse,
  ExecutableState,
  type ExecutableSummary,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { BYTE_MESSAGES } from "../exceptions.ts";
import { isShown, valueText } from "./message.ts";
import { renderTable, type TableRow } from "./table.ts";
import type { Style } from "./style.ts";

const HEADER = ["NAME", "PID", "STATE", "LIMITS OR COMMAND"];

/** Deeper cells than any daemon makes are not drawn: names have at most 1023 bytes, two for a level. */
const DEPTH_MAX = 512;

const LINES = {
  unicode: { branch: "├─ ", last: "└─ ", through: "│  ", blank: "   " },
  ascii: { branch: "|- ", last: "`- ", through: "|  ", blank: "   " },
};

export function renderCellTree(answer: Message, style: Style): string {
  const { cells } = answer as CellServiceListResponse;
  const rows: TableRow[] = [];
  for (const node of cells) {
    addNode(node, "", "", 0, rows, style);
  }
  return renderTable(HEADER, rows, style);
}

function addNode(
  node: CellGraphNode,
  prefix: string,
  below: string,
  depth: number,
  rows: TableRow[],
  style: Style,
): void {
  const { branch, last, through, blank } = style.hasUnicode ? LINES.unicode : LINES.ascii;
  const { cell, children, executables } = node;
  rows.push({ prefix, cells: [cell?.name ?? "?", "", "", limitsText(cell)], isBold: true });
  if (depth >= DEPTH_MAX) {
    return;
  }
  const count = executables.length + children.length;
  executables.forEach((executable, at) => {
    rows.push({
      prefix: below + (at === count - 1 ? last : branch),
      cells: [
        executable.name,
        executable.pid === 0 ? "" : String(executable.pid),
        stateText(executable),
        executable.command,
      ],
    });
  });
  children.forEach((child, at) => {
    const isLast = executables.length + at === count - 1;
    addNode(
      child,
      below + (isLast ? last : branch),
      below + (isLast ? blank : through),
      depth + 1,
      rows,
      style,
    );
  });
}

/** `cpu.weight=2 memory.max=64M isolate=process,network`. */
function limitsText(cell: Cell | undefined): string {
  if (cell === undefined) {
    return "";
  }
  const whole = reflect(CellSchema, cell);
  const parts = whole.fields.flatMap((controller) => {
    if (controller.fieldKind !== "message" || !whole.isSet(controller)) {
      return [];
    }
    const limits = whole.get(controller);
    const isBytes = BYTE_MESSAGES.has(limits.desc.typeName);
    return limits.fields
      .filter((field) => isShown(limits, field))
      .map((field) => {
        const text = valueText(limits, field);
        return `${controller.name}.${field.name}=${isBytes ? bytesText(text) : text}`;
      });
  });
  const isolated = [
    ...(cell.isolateProcess ? ["process"] : []),
    ...(cell.isolateNetwork ? ["network"] : []),
  ];
  return [...parts, ...(isolated.length > 0 ? [`isolate=${isolated.join(",")}`] : [])].join(" ");
}

/** With a unit when that loses nothing. */
function bytesText(digits: string): string {
  let value = BigInt(digits);
  let unit = "";
  for (const next of ["K", "M", "G", "T"]) {
    if (value === 0n || value % 1024n !== 0n) {
      break;
    }
    value /= 1024n;
    unit = next;
  }
  return `${value}${unit}`;
}

function stateText({ state, exitStatus }: ExecutableSummary): string {
  switch (state) {
    case ExecutableState.RUNNING:
      return "running";
    case ExecutableState.STOPPING:
      return "stopping";
    case ExecutableState.EXITED:
      return exitText(exitStatus?.outcome);
    default:
      return "unknown";
  }
}

/** `exited 1`, `killed by SIGKILL`. */
export function exitText(
  outcome: NonNullable<ExecutableSummary["exitStatus"]>["outcome"] | undefined,
): string {
  switch (outcome?.case) {
    case "exitCode":
      return `exited ${outcome.value}`;
    case "signal":
      return `killed by ${signalName(outcome.value)}`;
    default:
      return "exited";
  }
}

function signalName(signal: number): string {
  const known = Object.entries(constants.signals).find(([, number]) => number === signal);
  return known?.[0] ?? `signal ${signal}`;
}
