/** The short form of `bun build.ts fuzz`: each target with a few inputs of another seed than its unit test's. */
import { describe, expect, test } from "bun:test";
import { TARGETS } from "./targets.ts";

const INPUTS = 3000;
const SEED = 20_000;

describe.each(Object.entries(TARGETS))("the fuzz target %s", (_, target) => {
  test(`withstands ${INPUTS} inputs from seed ${SEED}, and meets every outcome`, async () => {
    const counts = await target.run(INPUTS, SEED);
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
  });
});
