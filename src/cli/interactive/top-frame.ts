/** One picture of top: a line for each cell, with bars, in the width and the height there are. */
import { escapeText } from "../../base/escape.ts";
import { type Color, paint, type Style } from "../render/style.ts";
import { roundBytes } from "../render/units.ts";
import type { TerminalSize } from "./host.ts";
import { SORTS, type Sort, type TopRow } from "./top-readings.ts";

const NAME_MIN = 14;
const BAR_WIDTH = 10;
const GAP = "  ";
/** From these shares on, a bar is yellow and red. */
const HIGH = 0.7;
const FULL = 0.9;
/** Eighths of a block, from one to seven (Unicode, "Block Elements"). */
const EIGHTHS = "▏▎▍▌▋▊▉";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly isLeft?: boolean;
  readonly text: (row: TopRow, style: Style) => string;
}

/** The most important ones first; what does not fit goes from the end. */
const COLUMNS: readonly Column[] = [
  { title: "CPU", width: 6, text: (row) => percentText(row.cpuPercent) },
  {
    title: "MEMORY",
    width: 13,
    text: (row) => ofText(row.memoryBytes, row.memoryMaxBytes, roundBytes),
  },
  {
    title: "",
    width: BAR_WIDTH,
    isLeft: true,
    text: (row, style) => bar(share(row.cpuPercent, row.cpuMaxPercent ?? 100), style),
  },
  {
    title: "",
    width: BAR_WIDTH,
    isLeft: true,
    text: (row, style) => bar(share(row.memoryBytes, row.memoryMaxBytes), style),
  },
  { title: "PIDS", width: 9, text: (row) => ofText(row.processes, row.processesMax, String) },
  { title: "READ/s", width: 7, text: (row) => rateText(row.readBytesPerSecond) },
  { title: "WRITE/s", width: 7, text: (row) => rateText(row.writtenBytesPerSecond) },
  { title: "WAIT CPU", width: 8, text: (row) => percentText(row.waitedForCpu) },
  { title: "MEM", width: 6, text: (row) => percentText(row.waitedForMemory) },
  { title: "IO", width: 6, text: (row) => percentText(row.waitedForIo) },
];

/** In which order they stand. */
const ORDER = [0, 2, 1, 3, 4, 5, 6, 7, 8, 9];

export interface FrameOptions {
  readonly size: TerminalSize;
  readonly style: Style;
  readonly sort: Sort;
  /** The first row to be shown. */
  readonly scroll: number;
  /** What stands at the end of the first line. */
  readonly note?: string;
}

/** At most as many lines as the terminal has, none wider than it. Colours take no width. */
export function topFrame(rows: readonly TopRow[], options: FrameOptions): readonly string[] {
  const { size, style, sort, scroll, note = "" } = options;
  const columns = fitting(size.columns);
  const used = columns.reduce((sum, { width }) => sum + GAP.length + width, 0);
  const nameWidth = Math.max(1, size.columns - used);
  const count = `${rows.length} cell${rows.length === 1 ? "" : "s"}, by ${SORTS[sort].name}`;
  const header = [
    padded("CELL", nameWidth, true),
    ...columns.map(({ title, width, isLeft }) => padded(title, width, isLeft === true)),
  ].join(GAP);
  const room = Math.max(0, size.rows - 2);
  const lines = rows
    .slice(scroll, scroll + room)
    .map((row) =>
      [
        paint(padded(nameText(row, nameWidth), nameWidth, true), "bold", style),
        ...columns.map(({ text, width, isLeft }) =>
          padded(text(row, style), width, isLeft === true),
        ),
      ]
        .join(GAP)
        .trimEnd(),
    );
  return [
    cut([count, note].filter((part) => part !== "").join(GAP), size.columns),
    paint(cut(header.trimEnd(), size.columns), "dim", style),
    ...lines,
  ].slice(0, size.rows);
}

function fitting(width: number): readonly Column[] {
  let count = COLUMNS.length;
  const taken = (): number =>
    COLUMNS.slice(0, count).reduce((sum, column) => sum + GAP.length + column.width, NAME_MIN);
  while (count > 0 && taken() > width) {
    count -= 1;
  }
  return ORDER.filter((at) => at < count).flatMap((at) => COLUMNS[at] ?? []);
}

function nameText({ name, isFrozen }: TopRow, width: number): string {
  const mark = isFrozen && width >= NAME_MIN ? " (frozen)" : "";
  return cut(escapeText(name), width - mark.length) + mark;
}

function percentText(percent: number | undefined): string {
  return percent === undefined ? "-" : `${percent.toFixed(percent < 999.5 ? 1 : 0)}%`;
}

function rateText(bytes: number | undefined): string {
  return bytes === undefined ? "-" : roundBytes(bytes);
}

function ofText(
  value: number | undefined,
  limit: number | undefined,
  text: (value: number) => string,
): string {
  const now = value === undefined ? "-" : text(value);
  return limit === undefined ? now : `${now}/${text(limit)}`;
}

function share(value: number | undefined, limit: number | undefined): number | undefined {
  return value === undefined || limit === undefined ? undefined : value / limit;
}

/** Empty where there is nothing to measure against. */
function bar(fraction: number | undefined, style: Style): string {
  if (fraction === undefined) {
    return "";
  }
  const color: Color = fraction >= FULL ? "red" : fraction >= HIGH ? "yellow" : "green";
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH * 8);
  const whole = Math.floor(eighths / 8);
  const text = style.hasUnicode
    ? "█".repeat(whole) + (EIGHTHS[(eighths % 8) - 1] ?? "")
    : "#".repeat(Math.round(eighths / 8)).padEnd(BAR_WIDTH, ".");
  return paint(text, color, style);
}

function padded(text: string, width: number, isLeft: boolean): string {
  const short = cut(text, width);
  const blanks = " ".repeat(Math.max(0, width - Bun.stringWidth(short)));
  return isLeft ? short + blanks : blanks + short;
}

/** Cuts what has no colour; what has one is made to fit. */
function cut(text: string, width: number): string {
  if (text.includes("\x1b") || Bun.stringWidth(text) <= width) {
    return text;
  }
  let kept = "";
  for (const char of text) {
    if (Bun.stringWidth(kept + char) > width - 1) {
      break;
    }
    kept += char;
  }
  return `${kept}…`;
}
