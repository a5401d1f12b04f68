import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CELL, NAME, OutputFixture, say, text, Unwritable } from "../../../test/harness/output.ts";
import { HeldBytes } from "../../kernel/process/held-bytes.ts";
import { executableName } from "../executables/executable-name.ts";
import { DEFAULT_MAX_BYTES } from "./stream-writer.ts";

let fixture: OutputFixture;

beforeEach(() => {
  fixture = new OutputFixture();
});

afterEach(() => fixture[Symbol.dispose]());

describe("OutputHistory.drain", () => {
  test("keeps no more than the bound, in segments of an eighth, for its owner only", async () => {
    const history = fixture.start(fixture.store(), 100, 64 * 1024);
    const chunk = "0123456789abcdef".repeat(64);
    for (let i = 0; i < 200; i++) {
      say(history, chunk);
      const sizes = fixture.segments().map((name) => statSync(name).size);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(64 * 1024);
    }
    expect(history.keptBytes).toBeGreaterThan(56 * 1024);
    expect(await text(history)).toStartWith(`<${200 * 1024 - history.keptBytes}>`);
    expect(statSync(fixture.segments()[0]!).mode & 0o777).toBe(0o600);
    expect(statSync(fixture.folder).mode & 0o777).toBe(0o700);
  });

  test("tells of what is gone where it may have been wanted by time", async () => {
    const history = fixture.start(fixture.store(), 100, 64 * 1024);
    for (let i = 0; i < 10; i++) {
      say(history, `${i}`.repeat(8 * 1024));
      fixture.nowMs += 10;
    }
    expect(await text(history, { sinceMs: 1_000_000 })).toStartWith("<16384>2");
    expect(await text(history, { sinceMs: 1_000_030 })).toStartWith("3");
  });

  test("takes a new bound while it runs", async () => {
    const history = fixture.start(fixture.store(), 100, 1024 * 1024);
    say(history, "x".repeat(300_000));
    history.maxBytes = 64 * 1024;
    say(history, "y".repeat(150_000));
    expect(history.keptBytes).toBeLessThanOrEqual(64 * 1024);
  });

  test("goes on when a segment was cut, and tells what its index knows to be lost", async () => {
    const history = fixture.start();
    say(history, "123");
    fixture.nowMs += 20;
    say(history, "456");
    history.abandon();
    truncateSync(fixture.segments()[0]!, 2);
    const again = fixture.start();
    say(again, "78");
    expect(await text(again)).toBe("12<2>78");
    again.close();
    rmSync(fixture.segments()[0]!);
    expect(await text(fixture.store().byName(CELL, NAME))).toBe("<4>78");
  });

  test("goes on when its folder is taken away while it writes", async () => {
    const history = fixture.start();
    say(history, "x".repeat(DEFAULT_MAX_BYTES / 8));
    rmSync(fixture.folder, { recursive: true });
    say(history, "y");
    expect(await text(history)).toBe(`<${DEFAULT_MAX_BYTES / 8}>y`);
    expect(history.lostBytes).toBe(0);
  });

  test("tells of an end that was cut off after the executable ended", async () => {
    const history = fixture.start();
    say(history, "123456");
    history.close();
    truncateSync(fixture.segments()[0]!, 2);
    expect(await text(fixture.store().byName(CELL, NAME))).toBe("12<4>");
  });

  test.each(["stdout-0000000000000000.seg", "stdout-0000000000000000.idx", "history.json"])(
    "does not write through %s if that is a link",
    async (name) => {
      const victim = join(fixture.root, "victim");
      writeFileSync(victim, "");
      mkdirSync(fixture.folder, { recursive: true });
      symlinkSync(victim, join(fixture.folder, name));
      const history = fixture.start();
      say(history, "out");
      expect(await text(history)).toBe("out");
      history.close();
      expect(readFileSync(victim, "utf8")).toBe("");
      expect(await text(fixture.store().byPid(100))).toBe("out");
    },
  );

  test("does not read through links", async () => {
    const history = fixture.start();
    say(history, "out");
    history.close();
    const elsewhere = join(fixture.root, "elsewhere");
    for (const name of readdirSync(fixture.folder)) {
      renameSync(join(fixture.folder, name), `${elsewhere}-${name}`);
      symlinkSync(`${elsewhere}-${name}`, join(fixture.folder, name));
    }
    expect(fixture.store().byName(CELL, NAME)).toBeUndefined();
    expect(fixture.store().byPid(100)).toBeUndefined();
  });

  test("does not write to a segment that has another name", async () => {
    const first = fixture.start();
    say(first, "one ");
    first.close();
    const other = join(fixture.root, "other");
    linkSync(fixture.segments()[0]!, other);
    const second = fixture.start();
    say(second, "two");
    expect(await text(second)).toBe("one two");
    expect(readFileSync(other, "utf8")).toBe("one ");
  });

  test("takes no more of a segment than reaches to the next one", async () => {
    const history = fixture.start(fixture.store(), 100, 64 * 1024);
    say(history, "x".repeat(8 * 1024));
    say(history, "y");
    history.close();
    appendFileSync(fixture.segments()[0]!, "garbage");
    const kept = fixture.store().byName(CELL, NAME);
    expect(await text(kept)).toBe(`${"x".repeat(8 * 1024)}y`);
  });

  test("moves what fills several segments in one turn, and no more than a turn has", () => {
    const history = fixture.start(fixture.store(), 100, 1024 * 1024);
    const pipe = new HeldBytes(Buffer.alloc(300 * 1024, "x"));
    history.drain("stdout", pipe);
    expect([history.keptBytes, fixture.segments().length]).toEqual([256 * 1024, 2]);
    history.drain("stdout", pipe);
    expect([history.keptBytes, fixture.segments().length]).toEqual([300 * 1024, 3]);
  });

  test("begins no segment, which pushes an old one out, before there is something for it", () => {
    const history = fixture.start(fixture.store(), 100, 64 * 1024);
    say(history, "x".repeat(8 * 1024));
    history.drain("stdout", new HeldBytes());
    expect(fixture.segments().length).toBe(1);
  });

  test("shows what it takes to a witness, of the file and of what could not be written", async () => {
    const history = fixture.start();
    let seen = "";
    const witness = (bytes: Uint8Array): void => {
      seen += Buffer.from(bytes).toString();
    };
    const followed = text(history, { follow: true });
    history.drain("stdout", new HeldBytes(Buffer.from("kept ")), witness);
    history.drain("stdout", new Unwritable(Buffer.from("lost")), witness);
    history.close();
    expect(seen).toBe("kept lost");
    expect(await followed).toBe("kept lost");
  });

  test("tells those who follow what is missing when somebody cuts the file while it is written", async () => {
    class Cut extends HeldBytes {
      override moveTo(fd: number, position: number, maxBytes: number): number {
        const count = super.moveTo(fd, position, maxBytes);
        truncateSync(fixture.segments()[0]!, position + 2);
        return count;
      }
    }
    const history = fixture.start();
    const followed = text(history, { follow: true });
    say(history, "before ");
    history.drain("stdout", new Cut(Buffer.from("12345")));
    say(history, " after");
    await Bun.sleep(20);
    history.close();
    expect(await followed).toBe("before 12<3> after");
  });

  test("notes one time for all that comes in the same millisecond", () => {
    const history = fixture.start();
    for (let i = 0; i < 100; i++) {
      say(history, "x");
    }
    history.close();
    expect(statSync(fixture.segments()[0]!.replace(/seg$/, "idx")).size).toBe(16);
  });

  test("moves aside what stands in the way of its folder", async () => {
    const elsewhere = join(fixture.root, "elsewhere");
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(fixture.root, "a"));
    const history = fixture.start();
    say(history, "x");
    expect(await text(history)).toBe("x");
    expect(readdirSync(elsewhere)).toEqual([]);
    const [aside] = readdirSync(fixture.root).filter((name) => name.startsWith("a.aside-"));
    expect(readlinkSync(join(fixture.root, aside!))).toBe(elsewhere);
  });

  test("counts what can't be written as lost, and tells of it once there is space again", async () => {
    const store = fixture.store();
    const history = fixture.start(store);
    say(history, "before ");
    history.drain("stdout", new Unwritable(Buffer.from("lost ")));
    // There is no other try before a while.
    say(history, "lost ");
    expect(history.lostBytes).toBe(10);
    await Bun.sleep(60);
    say(history, "after");
    expect(await text(history)).toBe("before <10>after");
    history.close();
    expect(await text(store.byName(CELL, NAME))).toBe("before <10>after");
  });

  test("gives what a full disk refuses to those who follow", async () => {
    const store = fixture.store();
    const history = fixture.start(store);
    const followed = text(history, { follow: true });
    for (const word of ["only ", "in ", "memory"]) {
      history.drain("stdout", new Unwritable(Buffer.from(word)));
      await Bun.sleep(word === "only " ? 20 : 0);
    }
    history.close();
    expect(await followed).toBe("only in memory");
    expect(await text(store.byName(CELL, NAME))).toBe("<14>");
  });

  test("tells of a loss at the very end", async () => {
    const history = fixture.start();
    history.drain("stdout", new Unwritable(Buffer.from("lost")));
    expect(await text(history)).toBe("<4>");
    history.close();
    expect(await text(fixture.store().byName(CELL, NAME))).toBe("<4>");
  });

  test("never keeps more files open than its bound", async () => {
    const store = fixture.store();
    const histories = Array.from({ length: 300 }, (_, i) =>
      fixture.begin(store.open(undefined, executableName(`e${i}`)), 1_000 + i),
    );
    for (const round of [1, 2]) {
      histories.forEach((history, i) => {
        say(history, `${round}:${i} `);
      });
    }
    expect(store.openFileCount).toBe(256);
    expect(await text(histories[7])).toBe("1:7 2:7 ");
    histories.forEach((history) => {
      history.close();
    });
    expect(store.openFileCount).toBe(0);
  });

  test("bounds the index of a stream that speaks all the time", async () => {
    const history = fixture.start(fixture.store(), 100, 1024 * 1024);
    for (let i = 0; i < 20_000; i++) {
      say(history, "x");
      fixture.nowMs += 1;
    }
    history.close();
    const indexes = readdirSync(fixture.folder).filter((name) => name.endsWith(".idx"));
    for (const name of indexes) {
      expect(statSync(join(fixture.folder, name)).size).toBeLessThanOrEqual(2 * 8_192 * 16);
    }
  });
});
