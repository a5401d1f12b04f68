import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cellRecord as cell, executableRecord } from "../../test/harness/state-records.ts";
import { setLogSink } from "../base/log.ts";
import { type BadRow, writeBadRows } from "./bad-records.ts";
import { StateDatabase } from "./state-database.ts";
import { encodeState } from "./state-json.ts";

const BOOT = "this boot";

let directory: string;
let path: string;
let logged: string[];
let unlog: () => void;

const badFiles = (): string[] =>
  readdirSync(directory)
    .filter((file) => /^state\.db\.bad-.*\.jsonl$/.test(file))
    .map((file) => join(directory, file));

const rowsOf = (file: string): BadRow[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as BadRow);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-state-"));
  path = join(directory, "state.db");
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
});

afterEach(() => {
  setSystemTime();
  unlog();
  rmSync(directory, { recursive: true });
});

/** A state of three cells and one executable outside, then changed by somebody. */
function makeState(...changes: [sql: string, ...parameters: string[]][]): void {
  {
    using state = StateDatabase.open(directory, BOOT);
    for (const name of ["a", "a/b", "c"]) {
      state.saveCell(cell(name));
    }
    for (const [where, name] of [
      ...[
        ["a", "x"],
        ["a", "y"],
        ["a/b", "x"],
      ],
      ...[
        ["c", "x"],
        ["", "x"],
      ],
    ] as [string, string][]) {
      state.saveExecutable(where, executableRecord(name));
    }
    state.reserveEvents(7n);
  }
  const database = new Database(path);
  for (const [sql, ...parameters] of changes) {
    database.run(sql, parameters);
  }
  database.close(true);
}

/** Opens it twice, and expects that it is whole the second time. */
function kept(): { cells: string[]; executables: string[]; lastEvent: bigint } {
  const read = () => {
    using state = StateDatabase.open(directory, BOOT);
    const { cells, executables, lastEvent } = state.load();
    return {
      cells: cells.map(({ name }) => name),
      executables: executables.map((it) => `${it.cell}:${it.record.spec.name}`),
      lastEvent,
    };
  };
  const first = read();
  const lines = logged.length;
  expect(read()).toEqual(first);
  expect(logged.length).toBe(lines);
  expect(readdirSync(directory).filter((file) => file.includes("unreadable"))).toEqual([]);
  return first;
}

const ALL = { cells: ["a", "a/b", "c"], executables: [":x", "a:x", "a:y", "a/b:x", "c:x"] };

describe("StateDatabase keeps the good records when", () => {
  const bad = encodeState({ ...executableRecord("y"), restarts: "1" });
  for (const [what, text, why] of [
    ["is no JSON", "{", /JSON/],
    ["is empty", "{}", /the record of an executable\.spec is not an object/],
    ["has a field of another form", bad, /\.restarts is not a number/],
    ["has a number that is none", '{"spec":{"$int":"x"}}', /./],
    ["is of another", encodeState(executableRecord("z")), /is of another executable/],
  ] as const) {
    test(`one of an executable ${what}`, () => {
      makeState(["UPDATE executables SET record = ? WHERE cell = 'a' AND name = 'y'", text]);
      expect(kept()).toEqual({
        cells: ALL.cells,
        executables: ALL.executables.filter((it) => it !== "a:y"),
        lastEvent: 7n,
      });
      const [file, ...more] = badFiles() as [string];
      expect(more).toEqual([]);
      expect(statSync(file).mode & 0o7777).toBe(0o600);
      const [row, ...others] = rowsOf(file);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ table: "executables", key: { cell: "a", name: "y" }, text });
      expect(row?.why).toMatch(why);
      expect(logged.length).toBe(1);
      expect(logged[0]).toContain("ERROR a record of the state could not be read");
      expect(logged[0]).toContain(`table=executables cell=a name=y file=${file} cause=`);
    });
  }

  test("one of a cell is bad, which takes what is in it along", () => {
    makeState(["UPDATE cells SET record = '{' WHERE name = 'a'"]);
    expect(kept()).toEqual({ cells: ["c"], executables: [":x", "c:x"], lastEvent: 7n });
    const rows = rowsOf(badFiles()[0]!);
    expect(rows.map(({ table, key }) => [table, key])).toEqual([
      ["cells", { name: "a" }],
      ["cells", { name: "a/b" }],
      ["executables", { cell: "a", name: "x" }],
      ["executables", { cell: "a", name: "y" }],
      ["executables", { cell: "a/b", name: "x" }],
    ]);
    expect(rows[0]?.text).toBe("{");
    expect(rows[1]?.text).toBe(encodeState(cell("a/b")));
    expect(rows[2]?.text).toBe(encodeState(executableRecord("x")));
    expect(logged.length).toBe(5);
  });

  test("one of a cell is of another cell, or has a name that is none", () => {
    makeState(
      ["UPDATE cells SET record = ? WHERE name = 'c'", encodeState(cell("a"))],
      ["INSERT INTO cells VALUES ('', '{}')"],
    );
    const { cells, executables } = kept();
    expect(cells).toEqual(["a", "a/b"]);
    expect(executables).toEqual([":x", "a:x", "a:y", "a/b:x"]);
  });

  test("all of them are bad", () => {
    makeState(["UPDATE cells SET record = ''"], ["UPDATE executables SET record = 'null'"]);
    expect(kept()).toEqual({ cells: [], executables: [], lastEvent: 7n });
    expect(rowsOf(badFiles()[0]!).length).toBe(8);
  });

  test("the number of the last event is none, and goes on above what was told", () => {
    for (const text of ["many", "-1", "", "9223372036854775808"]) {
      makeState(["UPDATE meta SET value = ? WHERE key = 'last_event'", text]);
      const { lastEvent, ...records } = kept();
      expect(records).toEqual(ALL);
      expect(lastEvent).toBeGreaterThan(1_000_000_000_000n);
    }
  });
});

describe("writeBadRows", () => {
  test("never writes over a file of before", () => {
    setSystemTime(new Date(0));
    const row = (text: string): BadRow => ({
      ...{ table: "cells", key: { name: "a" }, text, why: "it is bad" },
    });
    const files = ["1", "2\n", "3"].map((text) => writeBadRows(path, [row(text)]));
    expect(new Set(files)).toEqual(new Set(badFiles()));
    expect(files.map((file) => rowsOf(file)[0]?.text)).toEqual(["1", "2\n", "3"]);
  });
});
