import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  append,
  CELL,
  chunksOf,
  NAME,
  say,
  text,
  OutputFixture,
} from "../../../test/harness/output.ts";
import { STREAM_NAMES } from "./layout.ts";
import type { OutputChunk } from "./sources.ts";

let fixture: OutputFixture;

beforeEach(() => {
  fixture = new OutputFixture();
});

afterEach(() => fixture[Symbol.dispose]());

describe("OutputHistory.read", () => {
  test("gives what is kept, then what comes, and ends with the executable", async () => {
    const history = fixture.start();
    say(history, "one ");
    const followed = text(history, { follow: true });
    await Bun.sleep(1);
    say(history, "two ");
    say(history, "three");
    history.close();
    expect(await followed).toBe("one two three");
    expect(history.waiterCount).toBe(0);
  });

  test("ends without follow at what is there", async () => {
    const history = fixture.start();
    const follower = text(history, { follow: true });
    say(history, "x");
    say(history, "y");
    expect(await text(history)).toBe("xy");
    history.close();
    expect(await follower).toBe("xy");
  });

  test("ends with its signal and leaves nothing behind", async () => {
    const store = fixture.store();
    const history = fixture.start(store);
    const controller = new AbortController();
    const followed = text(history, { follow: true, signal: controller.signal });
    say(history, "x");
    await Bun.sleep(20);
    expect(history.waiterCount).toBe(1);
    expect(history.views.stdout.live).toBeDefined();
    controller.abort();
    expect(await followed).toBe("x");
    expect(history.waiterCount).toBe(0);
    expect(history.views.stdout.live).toBeUndefined();
    expect(store.openFileCount).toBe(1);
    history.close();
    expect(store.openFileCount).toBe(0);
  });

  test("starts at a chunk by its time", async () => {
    const history = fixture.start();
    for (const word of ["a", "b", "c"]) {
      say(history, word);
      fixture.nowMs += 3;
    }
    expect(await text(history, { sinceMs: 1_000_003 })).toBe("bc");
    expect(await text(history, { sinceMs: 1_000_004 })).toBe("c");
    expect(await text(history, { sinceMs: 1_000_007 })).toBe("");
    history.close();
    expect(await text(fixture.store().byName(CELL, NAME), { sinceMs: 1_000_003 })).toBe("bc");
  });

  test("starts at the last lines, also where the last has no end", async () => {
    const history = fixture.start();
    say(history, "1\n2\n3\n4");
    expect(await text(history, { tail: 2 })).toBe("3\n4");
    say(history, "\n");
    expect(await text(history, { tail: 2 })).toBe("3\n4\n");
    expect(await text(history, { tail: 0 })).toBe("");
    expect(await text(history, { tail: 99 })).toBe("1\n2\n3\n4\n");
  });

  test("finds the last lines over many segments", async () => {
    const history = fixture.start(fixture.store(), 100, 256 * 1024);
    const lines = Array.from({ length: 4_000 }, (_, i) => `${i} ${"x".repeat(i % 90)}\n`);
    lines.forEach((line) => {
      say(history, line);
    });
    expect(fixture.segments().length).toBeGreaterThan(3);
    for (const tail of [1, 100, 2_500]) {
      expect(await text(history, { tail })).toBe(lines.slice(-tail).join(""));
    }
  });

  test("gives both streams in the order of time, kept or live", async () => {
    const history = fixture.start();
    const live = Array.fromAsync(chunksOf(history, { streams: STREAM_NAMES, follow: true }));
    for (let i = 0; i < 50; i++) {
      say(history, `${i} `, i % 3 === 0 ? "stderr" : "stdout");
      fixture.nowMs += 1;
      if (i % 10 === 0) {
        await Bun.sleep(1);
      }
    }
    history.close();
    const expected = Array.from({ length: 50 }, (_, i) => `${i} `).join("");
    const textOf = (chunks: OutputChunk[]) =>
      chunks.map((it) => `${Buffer.from(it.bytes)}`).join("");
    expect(textOf(await live)).toBe(expected);
    const kept = fixture.store().byName(CELL, NAME);
    expect(await text(kept, { streams: STREAM_NAMES })).toBe(expected);
  });

  test("takes the last lines of both streams together", async () => {
    const history = fixture.start();
    for (let i = 0; i < 10; i++) {
      say(history, `${i}\n`, i === 7 ? "stderr" : "stdout");
      fixture.nowMs += 1;
    }
    expect(await text(history, { streams: STREAM_NAMES, tail: 4 })).toBe("6\n7\n8\n9\n");
    expect(await text(history, { streams: STREAM_NAMES, tail: 2 })).toBe("8\n9\n");
  });

  test("bounds chunks to a second of time when asked", async () => {
    const history = fixture.start();
    for (const word of ["a", "b", "c"]) {
      say(history, word);
      fixture.nowMs += 600;
    }
    const chunks = await Array.fromAsync(chunksOf(history, { forLines: true }));
    expect(chunks.map(({ bytes, timeMs }) => [`${Buffer.from(bytes)}`, timeMs])).toEqual([
      ["ab", 1_000_000],
      ["c", 1_001_200],
    ]);
  });

  test("gives all who follow the same bytes in memory", async () => {
    const history = fixture.start();
    const all = [1, 2, 3].map(() => Array.fromAsync(chunksOf(history, { follow: true })));
    say(history, "shared");
    await Bun.sleep(20);
    history.close();
    const [first, ...others] = await Promise.all(all);
    for (const other of others) {
      expect(other[0]!.bytes).toBe(first![0]!.bytes);
    }
  });

  test("holds no bytes of its caller's", async () => {
    const history = fixture.start();
    const followed = text(history, { follow: true });
    await Bun.sleep(1);
    const bytes = Buffer.from("mine");
    append(history, bytes);
    append(history, bytes);
    bytes.fill("x");
    history.close();
    expect(await followed).toBe("minemine");
  });
});
