import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FULL_CELL,
  FULL_EXECUTABLE,
  cellRecord as cell,
  executableRecord as executable,
} from "../../test/harness/state-records.ts";
import { AuraeError } from "../base/errors.ts";
import { setLogSink } from "../base/log.ts";
import type { StateStore } from "../domain/state/state-store.ts";
import { MemoryState } from "../domain/state/memory-state.ts";
import { readBootId, StateDatabase } from "./state-database.ts";

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

/** What holds of every state store. @param reopen the next daemon's */
function storeContract(makeStore: () => StateStore, reopen: (store: StateStore) => StateStore) {
  test("begins with nothing", () => {
    expect(makeStore().load()).toEqual({ cells: [], executables: [], lastEvent: 0n });
  });

  test("gives back every field of every record, to the daemon that comes next, too", () => {
    const store = makeStore();
    const plain = executable("plain", { life: undefined, state: "waiting" });
    store.saveCell(FULL_CELL);
    store.saveCell(cell("a"));
    store.saveExecutable("a/b", FULL_EXECUTABLE);
    store.saveExecutable("", plain);
    store.reserveEvents(0x7fff_ffff_ffff_ffffn);
    for (const now of [() => store, () => reopen(store)]) {
      const { cells, executables, lastEvent } = now().load();
      expect(cells.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([cell("a"), FULL_CELL]);
      expect(executables.toSorted((a, b) => (a.cell < b.cell ? -1 : 1))).toEqual([
        { cell: "", record: plain },
        { cell: "a/b", record: FULL_EXECUTABLE },
      ]);
      expect(lastEvent).toBe(0x7fff_ffff_ffff_ffffn);
    }
  });

  test("keeps the last one that was saved, and one of each name in each cell", () => {
    const store = makeStore();
    store.saveCell(cell("a", { state: "allocating" }));
    store.saveCell(cell("a"));
    store.saveExecutable("a", executable("x"));
    store.saveExecutable("b", executable("x"));
    store.saveExecutable("a", executable("x", { restarts: 1 }));
    const { cells, executables } = store.load();
    expect(cells.map(({ state }) => state)).toEqual(["allocated"]);
    expect(executables.map(({ cell, record }) => `${cell} ${record.restarts}`).sort()).toEqual([
      "a 1",
      "b 0",
    ]);
  });

  test("forgets the executables of a cell with it, and no others", () => {
    const store = makeStore();
    store.saveCell(cell("a"));
    store.saveCell(cell("a/b"));
    for (const where of ["a", "a/b", ""]) {
      store.saveExecutable(where, executable("x"));
    }
    store.removeCell("a");
    const { cells, executables } = store.load();
    expect(cells.map(({ name }) => name)).toEqual(["a/b"]);
    expect(executables.map((it) => it.cell).sort()).toEqual(["", "a/b"]);
    store.removeExecutable("a/b", "x");
    store.removeExecutable("a/b", "nobody");
    expect(store.load().executables.map((it) => it.cell)).toEqual([""]);
  });

  test("forgets many cells in one step", () => {
    const store = makeStore();
    for (const name of ["a", "b", "c"]) {
      store.saveCell(cell(name));
      store.saveExecutable(name, executable("x"));
    }
    store.removeCells(["a", "nobody", "c"]);
    const { cells, executables } = store.load();
    expect([cells.map(({ name }) => name), executables.map((it) => it.cell)]).toEqual([
      ["b"],
      ["b"],
    ]);
  });

  test("lets a claim be made once, until it is given back", () => {
    const store = makeStore();
    expect([store.claimOnce("a", "x"), store.claimOnce("a", "x")]).toEqual([true, false]);
    expect([store.claimOnce("b", "x"), store.claimOnce("a", "y")]).toEqual([true, true]);
    store.removeCell("a");
    const reopened = reopen(store);
    expect(reopened.claimOnce("a", "x")).toBe(false);
    expect(reopened.claims()).toEqual([
      { cell: "a", executable: "x" },
      { cell: "a", executable: "y" },
      { cell: "b", executable: "x" },
    ]);
  });

  test("takes a claim back that was not used", () => {
    const store = makeStore();
    store.claimOnce("a", "x");
    store.disclaimOnce("a", "x");
    expect(store.claims()).toEqual([]);
    expect(store.claimOnce("a", "x")).toBe(true);
  });
}

describe("MemoryState", () => {
  storeContract(
    () => new MemoryState(),
    (store) => store,
  );
});

describe("StateDatabase", () => {
  const databases: StateDatabase[] = [];
  const used = (database: StateDatabase): StateDatabase => {
    databases.push(database);
    return database;
  };

  afterEach(() => {
    for (const database of databases.splice(0)) {
      database[Symbol.dispose]();
    }
  });

  storeContract(
    () => used(open()),
    () => {
      for (const database of databases.splice(0)) {
        database[Symbol.dispose]();
      }
      return used(open());
    },
  );
});

describe("StateDatabase.open", () => {
  test("forgets everything of another boot", () => {
    {
      using state = open("another boot");
      state.saveCell(cell("a"));
      state.saveExecutable("a", executable("x"));
      state.claimOnce("a", "x");
      state.reserveEvents(7n);
    }
    using state = open();
    expect(state.load()).toEqual({ cells: [], executables: [], lastEvent: 0n });
    expect(state.claimOnce("a", "x")).toBe(true);
    expect(logged).toEqual([]);
  });

  test("knows the boot by the kernel's word", () => {
    expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/);
    {
      using state = StateDatabase.open(directory);
      state.saveCell(cell("a"));
    }
    using state = StateDatabase.open(directory);
    expect(state.load().cells.length).toBe(1);
  });

  test("refuses one that another daemon has, and leaves it alone", () => {
    using first = open();
    first.saveCell(cell("a"));
    let thrown: unknown;
    try {
      open();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AuraeError);
    expect(thrown).toMatchObject({
      kind: "failed_precondition",
      message: `the state "${path}" is in use by another daemon; end that, or choose another --library-dir`,
    });
    first.saveCell(cell("b"));
    expect(first.load().cells.length).toBe(2);
    expect(others().filter((file) => file.includes("unreadable"))).toEqual([]);
  });

  test("refuses a folder that is not there", () => {
    expect(() => StateDatabase.open(join(directory, "nowhere"), BOOT)).toThrow(
      /^cannot keep state in ".*\/nowhere\/state\.db": /,
    );
  });

  test("opens a file that is empty, as a daemon leaves it that is killed at once", () => {
    writeFileSync(path, "");
    using state = open();
    expect(state.load().cells).toEqual([]);
    expect(logged).toEqual([]);
  });

  test("takes one save in well under 0.2 ms", () => {
    using state = open();
    const costs = Array.from({ length: 2_000 }, (_, i) => {
      const started = performance.now();
      state.saveExecutable("a/b", { ...FULL_EXECUTABLE, restarts: i });
      return performance.now() - started;
    });
    // The median, since others use the machine, too.
    expect(costs.sort((a, b) => a - b)[1_000]).toBeLessThan(0.2);
  });
});

describe("StateDatabase after kill -9", () => {
  /** A daemon that saves and says so, until it is killed. */
  const WRITER = `
    import { StateDatabase } from ${JSON.stringify(join(import.meta.dir, "state-database.ts"))};
    const { directory, boot, cell, executable } = JSON.parse(process.argv[2]);
    const state = StateDatabase.open(directory, boot);
    for (let i = 0; ; i++) {
      state.saveCell({ ...cell, name: "c" + (i % 50) });
      state.saveExecutable("c" + (i % 50), { ...executable, restarts: i });
      process.stdout.write(i + "\\n");
      if (i % 7 === 0) state.removeCell("c" + ((i + 25) % 50));
    }
  `;

  test("has everything that a daemon had saved, whenever it was killed", async () => {
    const script = join(directory, "writer.ts");
    writeFileSync(script, WRITER);
    const argument = { directory, boot: BOOT, cell: cell("x"), executable: executable("x") };
    for (const lines of [1, 40, 700]) {
      const child = Bun.spawn([process.execPath, script, JSON.stringify(argument)], {
        stdout: "pipe",
        stderr: "inherit",
      });
      let text = "";
      for await (const chunk of child.stdout) {
        text += Buffer.from(chunk);
        if (text.split("\n").length > lines) {
          child.kill("SIGKILL");
        }
      }
      await child.exited;
      expect(child.signalCode).toBe("SIGKILL");
      const last = Number(text.split("\n").at(-2));
      using state = open();
      expect(logged).toEqual([]);
      const { cells, executables } = state.load();
      const names = new Set(cells.map(({ name }) => name));
      expect(executables.filter((it) => !names.has(it.cell))).toEqual([]);
      const saved = executables.find((it) => it.cell === `c${last % 50}`);
      expect(saved?.record.restarts ?? -1).toBeGreaterThanOrEqual(last);
    }
  });
});
