/**
 * The state on disk: a SQLite database in the library directory. It survives the daemon, not the boot: what it names is
 * gone with the kernel that had it. A database that can't be read is moved aside, never deleted and not touched; a
 * record that can't be read goes to a file beside it. Environments have secrets in them, so all of these are for the daemon's user alone.
 */
import { Database, type Statement } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import type { ExecutableRecord } from "../domain/executables/executable-record.ts";
import type { CellRecord, OnceClaim, SavedState, StateStore } from "../domain/state/state-store.ts";
import { type BadRow, writeBadRows } from "./bad-records.ts";
import {
  APPLICATION_ID,
  isUnreadable,
  makePrivate,
  moveAside,
  refuseForeign,
} from "./state-file.ts";
import { encodeState } from "./state-json.ts";
import { readRows } from "./state-rows.ts";

const FILE = "state.db";
/** Of the tables below; a database of another version is not ours to read. */
const SCHEMA_VERSION = 1;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE cells (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE executables (
    cell TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (cell, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE claims (
    cell TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (cell, name)
  ) STRICT, WITHOUT ROWID;
`;

/** Added since: a database of before has none of it. */
const ADDED = `
  CREATE TABLE IF NOT EXISTS vms (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

export function readBootId(): string {
  return readFileSync(BOOT_ID, "utf8").trim();
}

export class StateDatabase implements StateStore, Disposable {
  readonly #path: string;
  readonly #database: Database;
  readonly #saveCell: Statement;
  readonly #removeCell: Statement;
  readonly #saveExecutable: Statement;
  readonly #removeExecutable: Statement;
  readonly #removeExecutables: Statement;
  readonly #removeWholeCells: (names: readonly string[]) => void;
  readonly #claim: Statement;
  readonly #disclaim: Statement;
  readonly #setMeta: Statement;

  private constructor(path: string, database: Database) {
    const prepare = (sql: string): Statement => database.prepare(sql);
    this.#path = path;
    this.#database = database;
    this.#saveCell = prepare("INSERT OR REPLACE INTO cells VALUES (?, ?)");
    this.#removeCell = prepare("DELETE FROM cells WHERE name = ?");
    this.#saveExecutable = prepare("INSERT OR REPLACE INTO executables VALUES (?, ?, ?)");
    this.#removeExecutable = prepare("DELETE FROM executables WHERE cell = ? AND name = ?");
    this.#removeExecutables = prepare("DELETE FROM executables WHERE cell = ?");
    this.#removeWholeCells = database.transaction((names: readonly string[]) => {
      for (const name of names) {
        this.#removeExecutables.run(name);
        this.#removeCell.run(name);
      }
    });
    this.#claim = prepare("INSERT OR IGNORE INTO claims VALUES (?, ?)");
    this.#disclaim = prepare("DELETE FROM claims WHERE cell = ? AND name = ?");
    this.#setMeta = prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)");
  }

  /**
   * Opens the state of a library directory. What is there of another boot is forgotten, what can't be read moved aside.
   * @throws {AuraeError} failed_precondition, where another daemon has it, or it can't be written
   */
  static open(directory: string, bootId: string = readBootId()): StateDatabase {
    const path = join(directory, FILE);
    try {
      return StateDatabase.#openWhole(path, bootId);
    } catch (error) {
      if (isLocked(error)) {
        throw new AuraeError(
          "failed_precondition",
          `the state "${path}" is in use by another daemon; end that, or choose another --library-dir`,
          { cause: error },
        );
      }
      if (!isUnreadable(path, error)) {
        throw cannotKeep(path, error);
      }
      return StateDatabase.#replace(path, bootId, error);
    }
  }

  static #replace(path: string, bootId: string, why: unknown): StateDatabase {
    try {
      moveAside(path, why);
      return StateDatabase.#openWhole(path, bootId);
    } catch (error) {
      throw cannotKeep(path, error);
    }
  }

  static #openWhole(path: string, bootId: string): StateDatabase {
    refuseForeign(path);
    makePrivate(path);
    using undo = new DisposableStack();
    const database = undo.adopt(new Database(path, { create: true, strict: true }), close);
    // One daemon at a time: the lock is taken now and held until the end.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA busy_timeout = 0");
    const isNew = checkVersion(database);
    if (isNew) {
      // Before there is a write-ahead log, so that it stands in the file itself.
      database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    }
    database.run("PRAGMA journal_mode = WAL");
    // What is written outlives the daemon without being forced to the disk; what a crash of the machine loses, or leaves
    // unreadable, is of a boot that is over. Waiting for the disk would hold up everybody who calls.
    database.run("PRAGMA synchronous = OFF");
    database
      .transaction(() => {
        if (isNew) {
          database.run(SCHEMA);
          database.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
        }
        database.run(ADDED);
      })
      .immediate();
    const state = new StateDatabase(path, database);
    state.#forgetOtherBoots(bootId);
    state.load();
    undo.move();
    return state;
  }

  #forgetOtherBoots(bootId: string): void {
    const before = this.meta("boot");
    if (before === bootId) {
      return;
    }
    this.#database.transaction(() => {
      for (const table of ["cells", "executables", "claims", "vms", "meta"]) {
        this.#database.run(`DELETE FROM ${table}`);
      }
      this.#setMeta.run("boot", bootId);
    })();
  }

  meta(key: string): string | undefined {
    const sql = "SELECT value FROM meta WHERE key = ?";
    return rows<{ value: string }>(this.#database, sql, key)[0]?.value;
  }

  load(): SavedState {
    const { state, bad } = readRows({
      cells: rows(this.#database, "SELECT name, record FROM cells ORDER BY name"),
      executables: rows(
        this.#database,
        "SELECT cell, name, record FROM executables ORDER BY cell, name",
      ),
      lastEvent: this.meta("last_event"),
    });
    if (bad.length > 0) {
      this.setAside(bad);
      this.reserveEvents(state.lastEvent);
    }
    return state;
  }

  /** Writes rows that can't be read to a file beside the database, and removes them from it. @throws {Error} */
  setAside(bad: readonly BadRow[]): void {
    writeBadRows(this.#path, bad);
    this.#database.transaction(() => {
      for (const { table, key } of bad) {
        const where = Object.keys(key).map((column) => `${column} = ?`);
        const sql = `DELETE FROM ${table} WHERE ${where.join(" AND ")}`;
        this.#database.run(sql, Object.values(key));
      }
    })();
  }

  setMeta(key: string, value: string): void {
    this.#setMeta.run(key, value);
  }

  /** Whether there are virtual machines. */
  get hasVms(): boolean {
    return rows(this.#database, "SELECT 1 FROM vms LIMIT 1").length > 0;
  }

  vmRows(): { readonly id: string; readonly record: string }[] {
    return rows(this.#database, "SELECT id, record FROM vms ORDER BY id");
  }

  saveVm(id: string, record: string): void {
    this.#database.query("INSERT OR REPLACE INTO vms VALUES (?, ?)").run(id, record);
  }

  removeVm(id: string): void {
    this.#database.query("DELETE FROM vms WHERE id = ?").run(id);
  }

  saveCell(record: CellRecord): void {
    this.#saveCell.run(record.name, encodeState(record));
  }

  removeCell(name: string): void {
    this.removeCells([name]);
  }

  removeCells(names: readonly string[]): void {
    this.#removeWholeCells(names);
  }

  saveExecutable(cell: string, record: ExecutableRecord): void {
    this.#saveExecutable.run(cell, record.spec.name, encodeState(record));
  }

  removeExecutable(cell: string, name: string): void {
    this.#removeExecutable.run(cell, name);
  }

  claimOnce(cell: string, executable: string): boolean {
    return this.#claim.run(cell, executable).changes > 0;
  }

  claims(): OnceClaim[] {
    const sql = "SELECT cell, name AS executable FROM claims ORDER BY cell, name";
    return rows<OnceClaim>(this.#database, sql);
  }

  disclaimOnce(cell: string, executable: string): void {
    this.#disclaim.run(cell, executable);
  }

  reserveEvents(upTo: bigint): void {
    this.setMeta("last_event", `${upTo}`);
  }

  [Symbol.dispose](): void {
    close(this.#database);
  }
}

/** Without `true`, a database that has had a statement stays open, and locked. */
function close(database: Database): void {
  database.close(true);
}

function rows<T>(database: Database, sql: string, ...parameters: string[]): T[] {
  return database.query<T, string[]>(sql).all(...parameters);
}

/** @returns whether it has nothing in it yet @throws {Error} for one that is not ours to read */
function checkVersion(database: Database): boolean {
  const [version] = rows<{ user_version: number }>(database, "PRAGMA user_version");
  if (version?.user_version === SCHEMA_VERSION) {
    return false;
  }
  const [tables] = rows<{ count: number }>(database, "SELECT count(*) count FROM sqlite_schema");
  if (version?.user_version !== 0 || tables?.count !== 0) {
    throw new Error(`it has version ${version?.user_version}, and this is ${SCHEMA_VERSION}`);
  }
  return true;
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^SQLITE_(BUSY|LOCKED)/.test(`${error.code}`);
}

function cannotKeep(path: string, cause: unknown): AuraeError {
  return new AuraeError(
    "failed_precondition",
    `cannot keep state in "${path}": ${messageOf(cause)}; mend that, or choose another --library-dir`,
    { cause },
  );
}
