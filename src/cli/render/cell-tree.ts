/**
 * The tree of cells, with the limits of each and the executables in it. The answer of List.
 */
import type { Message } from "@bufbuild/protobuf";
import type {
  CellGraphNode,
  CellServiceListResponse,
  ExecutableSummary,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { commandText, pidText, stateText } from "./executables.ts";
import { limitsText } from "./limits.ts";
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
  const { cells, executables } = answer as CellServiceListResponse;
  const rows: TableRow[] = [];
  for (const node of cells) {
    addNode(node, "", "", 0, rows, style);
  }
  if (executables.length > 0) {
    const { branch, last } = style.hasUnicode ? LINES.unicode : LINES.ascii;
    rows.push({ cells: ["(no cell)", "", "", ""], isBold: true });
    executables.forEach((executable, at) => {
      rows.push(executableRow(executable, at === executables.length - 1 ? last : branch));
    });
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
    rows.push(executableRow(executable, below + (at === count - 1 ? last : branch)));
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

function executableRow(executable: ExecutableSummary, prefix: string): TableRow {
  return {
    prefix,
    cells: [executable.name, pidText(executable), stateText(executable), commandText(executable)],
  };
}
