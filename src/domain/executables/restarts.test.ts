import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { DEFAULT_RESTART, type RestartPolicy } from "./executable-spec.ts";
import { isFailure, Restarts } from "./restarts.ts";

const policy = (more: Partial<RestartPolicy>): RestartPolicy => ({
  ...DEFAULT_RESTART,
  mode: "always",
  startLimit: 0,
  ...more,
});

/** Has it start and end at once, again and again. @returns the delays, in order; "give up" as the last one */
function delaysOf(restarts: Restarts, count: number, runMs = 0): (number | string)[] {
  const delays: (number | string)[] = [];
  let now = 1_000;
  for (let i = 0; i < count; i++) {
    restarts.started(now);
    now += runMs;
    const decision = restarts.ended(now, true);
    if (decision.kind !== "restart") {
      delays.push(decision.kind);
      break;
    }
    delays.push(decision.delayMs);
    now += decision.delayMs;
  }
  return delays;
}

describe("isFailure", () => {
  test("is another exit code than 0, a signal, or an end that nobody saw", () => {
    expect(isFailure({ kind: "exited", code: 0 })).toBe(false);
    expect(isFailure({ kind: "exited", code: 1 })).toBe(true);
    expect(isFailure({ kind: "signaled", signal: 15 })).toBe(true);
    expect(isFailure(undefined)).toBe(true);
  });
});

describe("Restarts", () => {
  test("double the delay up to the bound", () => {
    const restarts = new Restarts(policy({ backoffMs: 100, maxBackoffMs: 1_000 }));
    expect(delaysOf(restarts, 7)).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  test("have no longer delay than the bound from the start", () => {
    const restarts = new Restarts(policy({ backoffMs: 500, maxBackoffMs: 100 }));
    expect(delaysOf(restarts, 3)).toEqual([100, 100, 100]);
  });

  test("begin at once with a backoff of 0, and wait longer all the same", () => {
    const restarts = new Restarts(policy({ backoffMs: 0, maxBackoffMs: 5 }));
    expect(delaysOf(restarts, 5)).toEqual([0, 2, 4, 5, 5]);
    const without = new Restarts(policy({ backoffMs: 0, maxBackoffMs: 0 }));
    expect(delaysOf(without, 3)).toEqual([0, 0, 0]);
  });

  test("begin anew after a life of ten times the longest backoff, and not a millisecond before", () => {
    const bounds = { backoffMs: 100, maxBackoffMs: 400 };
    expect(delaysOf(new Restarts(policy(bounds)), 4, 4_000)).toEqual([100, 100, 100, 100]);
    expect(delaysOf(new Restarts(policy(bounds)), 4, 3_999)).toEqual([100, 200, 400, 400]);
  });

  test("give up before the start that would be one too many within the interval", () => {
    const limit = { backoffMs: 0, maxBackoffMs: 0, startLimit: 3, startLimitIntervalMs: 1_000 };
    expect(delaysOf(new Restarts(policy(limit)), 9)).toEqual([0, 0, "give-up"]);
    expect(new Restarts(policy({ ...limit, startLimit: 1 })).ended(0, true)).toEqual({
      kind: "restart",
      delayMs: 0,
    });
  });

  test("tell how many starts there were when they give up", () => {
    const restarts = new Restarts(
      policy({ backoffMs: 0, startLimit: 2, startLimitIntervalMs: 100 }),
    );
    restarts.started(0);
    restarts.started(50);
    expect(restarts.ended(60, true)).toEqual({ kind: "give-up", starts: 2 });
  });

  test("count no start that is out of the interval by the time of the next one", () => {
    const restarts = new Restarts(
      policy({ backoffMs: 10, startLimit: 2, startLimitIntervalMs: 100 }),
    );
    restarts.started(0);
    restarts.started(50);
    expect(restarts.ended(90, true)).toEqual({ kind: "restart", delayMs: 10 });
  });

  test("never come by mode never, and by on-failure only after a failure", () => {
    const decisions = (["never", "on-failure", "always"] as const).map((mode) => {
      const restarts = new Restarts(policy({ mode }));
      restarts.started(0);
      return [restarts.ended(1, false).kind, restarts.ended(1, true).kind];
    });
    expect(decisions).toEqual([
      ["stay", "stay"],
      ["stay", "restart"],
      ["restart", "restart"],
    ]);
  });

  test("never make more starts within the interval than the limit, whatever the lives are like", () => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = randomFrom(seed);
      const limit = 1 + random(6);
      const intervalMs = 1 + random(2_000);
      const restarts = new Restarts(
        policy({
          backoffMs: random(300),
          maxBackoffMs: random(600),
          startLimit: limit,
          startLimitIntervalMs: intervalMs,
        }),
      );
      const starts: number[] = [];
      let now = random(1_000);
      for (let i = 0; i < 60; i++) {
        restarts.started(now);
        starts.push(now);
        now += random(3) === 0 ? random(2_000) : random(20);
        const decision = restarts.ended(now, true);
        if (decision.kind !== "restart") {
          break;
        }
        // It is never early; clearing up makes it late.
        now += decision.delayMs + random(5);
      }
      for (const start of starts) {
        const within = starts.filter((at) => at >= start && at < start + intervalMs).length;
        expect({ seed, within: within <= limit }).toEqual({ seed, within: true });
      }
    }
  });
});
