import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  executableRecord as executable,
  FULL_CELL,
  FULL_EXECUTABLE,
  cellRecord as cell,
} from "../../test/harness/state-records.ts";
import { setLogSink } from "../base/log.ts";
import { StateDatabase } from "./state-database.ts";
import { isUnreadable } from "./state-file.ts";
import { encodeState } from "./state-json.ts";

const BOOT = "this boot";

let directory: string;
let path: string;
let logged: string[];
let unlog: () => void;

const open = (boot = BOOT): StateDatabase => StateDatabase.open(directory, boot);

/** What is in the directory beside the state itself. */
const others = (): string[] => readdirSync(directory).filter((file) => file !== "state.db");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-state-"));
  path = join(directory, "state.db");
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
});

afterEach(() => {
  unlog();
  rmSync(directory, { recursive: true });
});

describe("StateDatabase.open moves aside, whole and with a message,", () => {
  /** A state with something in it, as a daemon leaves it. */
  function makeState(change: (database: Database) => void = () => undefined): void {
    {
      using state = open();
      state.saveCell(FULL_CELL);
      for (let i = 0; i < 40; i++) {
        state.saveExecutable("a/b", executable(`x${i}`));
      }
    }
    const database = new Database(path);
    change(database);
    database.close(true);
  }

  /** Opens it, and expects that what was there is aside, byte for byte. */
  function expectAside(why: RegExp): void {
    const before = readFileSync(path);
    const modeBefore = others();
    using state = open();
    expect(state.load()).toEqual({ cells: [], executables: [], lastEvent: 0n });
    state.saveCell(cell("new"));
    const aside = others().filter((file) => /^state\.db\.unreadable-[^-]+-/.test(file));
    expect(aside.filter((file) => !/-(wal|shm|journal)$/.test(file)).length).toBe(1);
    expect(readFileSync(join(directory, aside[0]!)).equals(before)).toBe(true);
    expect(modeBefore.filter((file) => !others().includes(file))).toEqual([]);
    expect(logged.length).toBe(1);
    expect(logged[0]).toContain("ERROR the state could not be read, and was moved aside");
    expect(logged[0]).toContain(`aside=${join(directory, aside[0]!)}`);
    expect(logged[0]).toMatch(why);
  }

  test("garbage", () => {
    writeFileSync(path, Buffer.from("this is no database\n".repeat(500)));
    expectAside(/it is no state of auraed/);
  });

  test("a few bytes", () => {
    writeFileSync(path, "SQLite");
    expectAside(/it is no state of auraed/);
  });

  test("a database of somebody else, without a byte changed", () => {
    const database = new Database(path);
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
    database.run("INSERT INTO meta VALUES ('boot', 'theirs')");
    database.close();
    expectAside(/it is no state of auraed/);
  });

  test("a state of another version", () => {
    makeState((database) => database.run("PRAGMA user_version = 2"));
    expectAside(/it has version 2, and this is 1/);
  });

  test("one with our mark, no version, and tables of somebody else", () => {
    makeState((database) => database.run("PRAGMA user_version = 0"));
    expectAside(/it has version 0, and this is 1/);
  });

  test("one whose tables have other columns", () => {
    makeState((database) => database.run("ALTER TABLE cells RENAME COLUMN record TO something"));
    expectAside(/no such column: record/);
  });

  test("one that was cut at any place", () => {
    makeState();
    const whole = readFileSync(path);
    for (const bytes of [1, 99, 100, 511, 4_096, 4_097, whole.length - 4_096, whole.length - 1]) {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      logged = [];
      writeFileSync(path, whole);
      truncateSync(path, bytes);
      expectAside(/cause=/);
    }
  });

  test("one with a hole in the middle", () => {
    makeState();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4_096, 8_192);
    bytes.fill(0xff, 12_288, 16_384);
    writeFileSync(path, bytes);
    expectAside(/malformed|disk image/);
  });

  test("a folder in its place, with what is in it", () => {
    mkdirSync(path);
    writeFileSync(join(path, "precious"), "1");
    using state = open();
    expect(state.load().cells).toEqual([]);
    const [aside] = others().filter((file) => file.startsWith("state.db.unreadable-"));
    expect(readFileSync(join(directory, aside!, "precious"), "utf8")).toBe("1");
    expect(logged[0]).toMatch(/it is no file/);
  });

  test("a log without its database", () => {
    writeFileSync(`${path}-wal`, "left");
    using state = open();
    expect(state.load().cells).toEqual([]);
    const [aside] = others().filter((file) => /unreadable-.*-wal$/.test(file));
    expect(readFileSync(join(directory, aside!), "utf8")).toBe("left");
  });

  test("one with a record that is none, naming the field", () => {
    const record = encodeState({ ...FULL_EXECUTABLE, restarts: "1" });
    makeState((database) => {
      database.run("UPDATE executables SET record = ? WHERE name = 'x7'", [record]);
    });
    expectAside(/the record of an executable\.restarts is not a number/);
  });

  test("one with a record that is no JSON", () => {
    makeState((database) => {
      database.run("UPDATE cells SET record = '{'");
    });
    expectAside(/JSON/);
  });

  test("one with a number that is none", () => {
    makeState((database) => {
      database.run("INSERT INTO meta VALUES ('last_event', 'many')");
    });
    expectAside(/BigInt/);
  });
});

describe("isUnreadable", () => {
  test("blames the file for its content, and not for a full disk or a disk that is read only", () => {
    writeFileSync(path, "x");
    const codes = ["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_IOERR_SHORT_READ"];
    const others = ["SQLITE_FULL", "SQLITE_READONLY_DIRECTORY", "SQLITE_IOERR_WRITE", "EACCES"];
    const isBlamed = (code: string): boolean =>
      isUnreadable(path, Object.assign(new Error("it failed"), { code }));
    expect(codes.map(isBlamed)).toEqual([true, true, true, true]);
    expect(others.map(isBlamed)).toEqual([false, false, false, false]);
    expect(isUnreadable(path, new Error("it has another form"))).toBe(true);
    expect(isUnreadable(`${path}-not-there`, new Error("it failed"))).toBe(false);
  });
});
