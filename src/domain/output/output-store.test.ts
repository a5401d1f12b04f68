import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CELL, NAME, say, text, OutputFixture } from "../../../test/harness/output.ts";
import { CellName } from "../cells/cell-name.ts";
import { executableName } from "../executables/executable-name.ts";

let fixture: OutputFixture;

beforeEach(() => {
  fixture = new OutputFixture();
});

afterEach(() => fixture[Symbol.dispose]());

describe("OutputStore", () => {
  test("goes on with the history of a name, and keeps the runs apart by their ids", async () => {
    const store = fixture.store();
    const first = fixture.start(store, 100);
    say(first, "first ");
    first.close();
    fixture.nowMs += 1_000;
    const second = fixture.start(store, 200);
    say(second, "second");
    expect(await text(store.byName(CELL, NAME))).toBe("first second");
    expect(await text(store.byPid(100))).toBe("first ");
    expect(await text(store.byPid(200))).toBe("second");
    second.close();
    const later = fixture.store();
    expect(await text(later.byName(CELL, NAME))).toBe("first second");
    expect(await text(later.byPid(100))).toBe("first ");
    expect(await text(later.byPid(200), { follow: true })).toBe("second");
    expect(later.byPid(300)).toBeUndefined();
  });

  test("keeps the output of virtual machines apart from that of executables", async () => {
    const store = fixture.store();
    const vm = fixture.begin(store.openVm("x"), 100);
    say(vm, "console");
    say(vm, "serial", "stderr");
    const executable = fixture.begin(store.open(undefined, NAME), 200);
    say(executable, "executable");
    expect(await text(store.byVm("x"))).toBe("console");
    expect(await text(store.byVm("x"), { streams: ["stderr"] })).toBe("serial");
    expect(await text(store.byName(undefined, NAME))).toBe("executable");
    expect(store.byVm("y")).toBeUndefined();
    vm.close();
    executable.close();
    const later = fixture.store({ maxHistories: 1 });
    expect(await text(later.byVm("x"))).toBe("console");
    later.prune();
    expect([later.byVm("x") === undefined, later.byName(undefined, NAME) === undefined]).toContain(
      true,
    );
  });

  test("begins anew when told to", async () => {
    const store = fixture.store();
    const first = fixture.start(store, 100);
    say(first, "first ");
    first.close();
    const second = fixture.begin(store.open(CELL, NAME, { anew: true }), 200);
    say(second, "second");
    expect(await text(second)).toBe("second");
    expect(store.byPid(100)).toBeUndefined();
  });

  test("finds an executable by its id in its cell, a running one first, else the newest", async () => {
    const store = fixture.store();
    const older = fixture.begin(store.open(CELL, NAME), 100, 2);
    say(older, "older");
    fixture.nowMs += 1;
    const newer = fixture.begin(store.open(CELL, executableName("y")), 200, 2);
    say(newer, "newer");
    expect(await text(store.byPid(2))).toBe("newer");
    newer.close();
    expect(await text(store.byPid(2))).toBe("older");
    older.close();
    expect(await text(store.byPid(2))).toBe("newer");
    expect(await text(fixture.store().byPid(2))).toBe("newer");
  });

  test("continues after a daemon that was killed, under the same run", async () => {
    const before = fixture.start(fixture.store(), 100);
    say(before, "before ");
    before.abandon();
    const store = fixture.store();
    const adopted = store.open(CELL, NAME);
    say(adopted, "after");
    expect(await text(store.byPid(100))).toBe("before after");
    adopted.close();
    expect(await text(fixture.store().byPid(100))).toBe("before after");
  });

  test("knows nothing of names that never wrote, and leaves nothing of a start that failed", () => {
    const store = fixture.store();
    expect(store.byName(CELL, NAME)).toBeUndefined();
    const history = store.open(CELL, NAME);
    history.close();
    expect(readdirSync(fixture.root)).toEqual([]);
    expect(store.byName(CELL, NAME)).toBeUndefined();
  });

  test("knows an executable that ran and said nothing", async () => {
    const store = fixture.store();
    fixture.begin(store.open(CELL, NAME), 100).close();
    expect(await text(store.byName(CELL, NAME))).toBe("");
    expect(await text(store.byPid(100))).toBe("");
  });

  test("writes nothing to the disk for an executable that says nothing", async () => {
    const history = fixture.start();
    history.end("stdout");
    history.close();
    expect(existsSync(fixture.folder)).toBe(false);
    const store = fixture.store();
    const other = fixture.begin(store.open(CELL, NAME), 101);
    say(other, "one");
    other.close();
    fixture.begin(store.open(CELL, NAME), 102).close();
    expect(await text(fixture.store().byPid(102))).toBe("");
  });

  test("finds by its id one that had said nothing before its daemon was killed", async () => {
    fixture.store().open(CELL, NAME).abandon();
    const first = fixture.store();
    fixture.begin(first.open(CELL, NAME), 100);
    first.abandon();
    const second = fixture.store();
    const history = fixture.begin(second.open(CELL, NAME), 100);
    say(history, "late");
    expect(await text(second.byPid(100))).toBe("late");
    fixture.begin(history, 100);
    expect(history.runs).toHaveLength(1);
  });

  test("takes the longest names", async () => {
    const cell = CellName.parse(Array.from({ length: 32 }, () => "a".repeat(31)).join("/"));
    const name = executableName("ü".repeat(64));
    const store = fixture.store();
    const history = fixture.begin(store.open(cell, name), 100);
    say(history, "deep");
    history.close();
    expect(await text(fixture.store().byName(cell, name))).toBe("deep");
    expect(await text(fixture.store().byPid(100))).toBe("deep");
  });

  test("removes the oldest of those that are gone, by number and by size, and what is not ours never", async () => {
    const store = fixture.store({ maxHistories: 3, maxBytes: 2_500 });
    const names = ["1", "2", "3", "4"].map(executableName);
    const running = fixture.begin(store.open(CELL, executableName("running")), 99);
    say(running, "r".repeat(5_000));
    for (const [i, name] of names.entries()) {
      const history = fixture.begin(store.open(CELL, name), 100 + i);
      say(history, "x".repeat(700));
      history.close();
      fixture.nowMs += 1;
    }
    const there = () => names.map((name) => store.byName(CELL, name) !== undefined);
    expect(there()).toEqual([false, true, true, true]);
    expect(existsSync(join(fixture.root, "a/_/exe.1"))).toBe(false);
    writeFileSync(join(fixture.root, "a/_/exe.2/notes.txt"), "mine");
    const big = fixture.begin(store.open(CELL, executableName("big")), 110);
    say(big, "x".repeat(1_500));
    big.close();
    expect(there()).toEqual([false, false, false, true]);
    expect(readdirSync(join(fixture.root, "a/_/exe.2"))).toEqual(["notes.txt"]);
    expect(store.byName(CELL, executableName("running"))).toBe(running);
    // A daemon that starts knows them as well.
    running.close();
    const later = fixture.store({ maxHistories: 1 });
    later.prune();
    expect(later.byName(CELL, names[3]!)).toBeUndefined();
    expect(later.byName(CELL, executableName("running"))).toBeDefined();
  });

  test("takes garbage for what it is", async () => {
    const history = fixture.start();
    say(history, "good");
    history.close();
    writeFileSync(
      join(fixture.folder, "history.json"),
      '{"version":1,"runs":[{"pid":"x"}],"end":7',
    );
    mkdirSync(join(fixture.folder, "stdout-0000000000000010.seg"));
    writeFileSync(join(fixture.folder, "stdout-ffffffffffffffff.seg"), "far");
    writeFileSync(join(fixture.folder, "stdout-12.seg"), "short");
    expect(await text(fixture.store().byName(CELL, NAME))).toBe("good");
    expect(fixture.store().byPid(100)).toBeUndefined();
    const again = fixture.start(fixture.store(), 200);
    say(again, " again");
    expect(await text(again)).toBe("good again");
  });
});
