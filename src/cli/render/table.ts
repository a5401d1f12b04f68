/**
 * Aligned columns. Cells of the table are escaped here, so that no caller can forget to.
 */
import { escapeText } from "../../base/escape.ts";
import { paint, type Style } from "./style.ts";

/** Longer texts are cut: a command may have 128 KiB. JSON output has them whole. */
export const CELL_MAX_CHARS = 160;

export interface TableRow {
  readonly cells: readonly string[];
  /** Lines of a tree before the first cell; not escaped. */
  readonly prefix?: string;
  readonly isBold?: boolean;
}

/** Lines with an end each; the header always, so that an empty answer is seen to be one. */
export function renderTable(
  header: readonly string[],
  rows: readonly TableRow[],
  style: Style,
): string {
  const lines = rows.map((row) => ({
    ...row,
    cells: row.cells.map((cell, at) => (at === 0 ? (row.prefix ?? "") : "") + shown(cell)),
  }));
  const widths = header.map((title, at) =>
    lines.reduce(
      (most, { cells }) => Math.max(most, Bun.stringWidth(cells[at] ?? "")),
      title.length,
    ),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - Bun.stringWidth(cell))))
      .join("  ")
      .trimEnd();
  return [
    paint(line(header), "dim", style),
    ...lines.map(({ cells, isBold }) =>
      isBold === true ? paint(line(cells), "bold", style) : line(cells),
    ),
  ]
    .map((text) => `${text}\n`)
    .join("");
}

function shown(cell: string): string {
  const safe = escapeText(cell);
  return safe.length > CELL_MAX_CHARS ? `${safe.slice(0, CELL_MAX_CHARS - 1)}…` : safe;
}
