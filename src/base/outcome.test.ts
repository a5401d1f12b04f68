import { describe, expect, test } from "bun:test";
import { Outcome } from "./outcome.ts";

describe("Outcome", () => {
  test("gives the first value to all who wait, and to those who come later", async () => {
    const outcome = new Outcome<number>();
    const waits = [outcome.wait(), outcome.wait(new AbortController().signal)];
    outcome.resolve(1);
    outcome.resolve(2);
    expect(await Promise.all([...waits, outcome.wait()])).toEqual([1, 1, 1]);
    expect(outcome.waiting).toBe(0);
  });

  test("keeps nothing of 1,000 who gave up, and serves who stayed", async () => {
    const outcome = new Outcome<string>();
    const stayed = outcome.wait();
    const aborts = Array.from({ length: 1_000 }, () => new AbortController());
    const waits = aborts.map(({ signal }) => outcome.wait(signal));
    expect(outcome.waiting).toBe(1_001);
    const reason = new Error("given up");
    for (const abort of aborts) {
      abort.abort(reason);
    }
    expect(outcome.waiting).toBe(1);
    const ends = await Promise.allSettled(waits);
    expect(ends.every((end) => end.status === "rejected" && end.reason === reason)).toBe(true);
    outcome.resolve("there");
    expect(await stayed).toBe("there");
  });

  test("is not waited for by who has given up before", async () => {
    const outcome = new Outcome<number>();
    const wait = outcome.wait(AbortSignal.abort(new Error("before")));
    expect(outcome.waiting).toBe(0);
    expect(await wait.catch((error: Error) => error.message)).toBe("before");
  });

  test("is not turned back by an abort that comes after the value", async () => {
    const outcome = new Outcome<number>();
    const abort = new AbortController();
    const wait = outcome.wait(abort.signal);
    outcome.resolve(1);
    abort.abort();
    expect(await wait).toBe(1);
  });
});
