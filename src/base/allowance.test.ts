import { expect, test } from "bun:test";
import { Allowance } from "./allowance.ts";

test("Allowance gives so many at once, and then as time goes by, and counts what it refuses", () => {
  let nowMs = 5000;
  const allowance = new Allowance(3, 2, () => nowMs);
  const taken = (tries: number) => Array.from({ length: tries }, () => allowance.take());
  expect(taken(5)).toEqual([true, true, true, false, false]);
  nowMs += 499;
  expect(taken(1)).toEqual([false]);
  nowMs += 1;
  expect(taken(2)).toEqual([true, false]);
  expect([allowance.takeRefused(), allowance.takeRefused()]).toEqual([4, 0]);
  nowMs += 60_000;
  expect(taken(4)).toEqual([true, true, true, false]);
});
