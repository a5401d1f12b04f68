/** The rows of the state as records: each is checked by itself, so that one that is bad leaves the others. */
import { messageOf } from "../base/errors.ts";
import type { ExecutableRecord } from "../domain/executables/executable-record.ts";
import type { CellRecord, SavedState } from "../domain/state/state-store.ts";
import type { BadRow } from "./bad-records.ts";
import { decodeState } from "./state-json.ts";
import { checkCellRecord, checkExecutableRecord } from "./state-shape.ts";

export interface StateRows {
  /** A cell comes after the one that it is in. */
  readonly cells: readonly { readonly name: string; readonly record: string }[];
  readonly executables: readonly {
    readonly cell: string;
    readonly name: string;
    readonly record: string;
  }[];
  readonly lastEvent: string | undefined;
}

const LAST_EVENT_MAX = 0x7fff_ffff_ffff_ffffn;

/**
 * A cell that is bad takes what is in it along, executables and cells: without it, they would be taken for left over,
 * and ended.
 */
export function readRows(rows: StateRows): { readonly state: SavedState; readonly bad: BadRow[] } {
  const bad: BadRow[] = [];
  const lost = new Set<string>();
  const cells: CellRecord[] = [];
  for (const { name, record: text } of rows.cells) {
    try {
      refuseLost(lost, parentOf(name));
      cells.push(cellOf(name, text));
    } catch (error) {
      bad.push({ table: "cells", key: { name }, text, why: messageOf(error) });
      lost.add(name);
    }
  }
  const executables: { cell: string; record: ExecutableRecord }[] = [];
  for (const { cell, name, record: text } of rows.executables) {
    try {
      refuseLost(lost, cell);
      executables.push({ cell, record: executableOf(name, text) });
    } catch (error) {
      bad.push({ table: "executables", key: { cell, name }, text, why: messageOf(error) });
    }
  }
  return {
    state: { cells, executables, lastEvent: lastEventOf("last_event", rows.lastEvent, bad) },
    bad,
  };
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** @param cell empty for none */
function refuseLost(lost: ReadonlySet<string>, cell: string): void {
  if (cell !== "" && lost.has(cell)) {
    throw new Error(`the record of the cell '${cell}' that it is in could not be read`);
  }
}

function cellOf(name: string, text: string): CellRecord {
  const record = checkCellRecord(decodeState(text));
  if (record.name !== name) {
    throw new Error("the record of a cell is of another cell");
  }
  return record;
}

function executableOf(name: string, text: string): ExecutableRecord {
  const record = checkExecutableRecord(decodeState(text));
  if (record.spec.name !== name) {
    throw new Error("the record of an executable is of another executable");
  }
  return record;
}

/**
 * The number that is kept under a key. For one that is lost the time, in milliseconds, since no daemon has told as many
 * events.
 */
export function lastEventOf(key: string, text: string | undefined, bad: BadRow[]): bigint {
  if (text === undefined) {
    return 0n;
  }
  if (/^\d+$/.test(text) && BigInt(text) <= LAST_EVENT_MAX) {
    return BigInt(text);
  }
  bad.push({ table: "meta", key: { key }, text, why: "it is no number of an event" });
  return BigInt(Date.now());
}
