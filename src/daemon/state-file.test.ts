import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  executableRecord as executable,
  FULL_CELL,
  cellRecord as cell,
} from "../../test/harness/state-records.ts";
import { setLogSink } from "../base/log.ts";
import { StateDatabase } from "./state-database.ts";
import { isUnreadable, makePrivate } from "./state-file.ts";

const BOOT = "this boot";

let directory: string;
let path: string;
let logged: string[];
let unlog: () => void;

const open = (boot = BOOT): StateDatabase => StateDatabase.open(directory, boot);

/** What is in the directory beside the state itself. */
const others = (): string[] => readdirSync(directory).filter((file) => file !== "state.db");

const modeOf = (file: string): string => (statSync(file).mode & 0o7777).toString(8);

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
    expect([path, ...aside.map((file) => join(directory, file))].map(modeOf)).toEqual(
      [path, ...aside].map(() => "600"),
    );
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
    for (const bytes of [1, 99, 100, 511, 4_096, 4_097, whole.length - 4_096]) {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      logged = [];
      writeFileSync(path, whole);
      truncateSync(path, bytes);
      expectAside(/cause=/);
    }
  });

  test("but not one that lacks its last byte, which is of one record", () => {
    makeState();
    truncateSync(path, statSync(path).size - 1);
    using state = open();
    const { cells, executables } = state.load();
    expect([cells.length, executables.length]).toEqual([1, 39]);
    expect(others().some((file) => file.includes("unreadable"))).toBe(false);
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

describe("The state is for the daemon's user alone,", () => {
  const modes = (): string[] =>
    ["", "-wal", "-shm"]
      .map((suffix) => `${path}${suffix}`)
      .filter((file) => existsSync(file))
      .map(modeOf);

  test("with what SQLite keeps beside it, whatever the umask", () => {
    for (const umask of [0, 0o22, 0o277]) {
      rmSync(path, { force: true });
      const before = process.umask(umask);
      try {
        using state = open();
        state.saveCell(FULL_CELL);
        expect(new Set(modes())).toEqual(new Set(["600"]));
      } finally {
        process.umask(before);
      }
    }
  });

  test("when an earlier daemon made it for all, too", () => {
    open()[Symbol.dispose]();
    chmodSync(path, 0o644);
    writeFileSync(`${path}-wal`, "", { mode: 0o644 });
    using state = open();
    state.saveCell(FULL_CELL);
    expect(new Set(modes())).toEqual(new Set(["600"]));
  });

  test("and is not made, or changed, through a link", () => {
    const target = join(directory, "target");
    symlinkSync(target, path);
    expect(() => makePrivate(path)).toThrow(/ELOOP/);
    expect(existsSync(target)).toBe(false);
    writeFileSync(target, "", { mode: 0o644 });
    expect(open).toThrow(/^cannot keep state in .*ELOOP/);
    expect(modeOf(target)).toBe("644");
  });
});
