import { afterEach, describe, expect, test } from "bun:test";
import { log, recentLog, setLogSink } from "./log.ts";
import { LogRing } from "./log-ring.ts";

let restore: (() => void) | undefined;
afterEach(() => restore?.());

describe("LogRing.read", () => {
  test("gives what is held, then what comes, and ends with its signal", async () => {
    const ring = new LogRing();
    ring.push("a", 1);
    const controller = new AbortController();
    const lines = ring.read(controller.signal);
    expect((await lines.next()).value).toEqual({ text: "a", timeMs: 1, missedLines: 0 });
    const next = lines.next();
    ring.push("b", 2);
    expect((await next).value).toEqual({ text: "b", timeMs: 2, missedLines: 0 });
    const last = lines.next();
    expect(ring.waiterCount).toBe(1);
    controller.abort();
    expect((await last).done).toBe(true);
    expect(ring.waiterCount).toBe(0);
  });

  test("tells a slow reader how many lines it has missed", async () => {
    const ring = new LogRing(3);
    const lines = ring.read(new AbortController().signal);
    ring.push("0", 0);
    expect((await lines.next()).value).toMatchObject({ text: "0" });
    for (let i = 1; i <= 10; i++) {
      ring.push(`${i}`, i);
    }
    expect((await lines.next()).value).toEqual({ text: "8", timeMs: 8, missedLines: 7 });
    expect((await lines.next()).value).toEqual({ text: "9", timeMs: 9, missedLines: 0 });
  });

  test("is bounded by characters as well", async () => {
    const ring = new LogRing();
    ring.push("first", 0);
    ring.push("x".repeat(256 * 1024), 1);
    const first = await ring.read(new AbortController().signal).next();
    expect(first.value).toMatchObject({ timeMs: 1, missedLines: 0 });
  });
});

test("log keeps its last lines in recentLog, without their end", async () => {
  let written = "";
  restore = setLogSink((line) => {
    written = line;
  });
  log.info("something happened", { nonce: "4711" });
  const lines: string[] = [];
  for await (const { text } of recentLog.read(new AbortController().signal)) {
    lines.push(text);
    if (text.includes("4711")) {
      break;
    }
  }
  expect(`${lines.at(-1)}\n`).toBe(written);
});
