import { expect, test } from "bun:test";
import { filesOfTier, TIERS, tierOfFile } from "./tiers.ts";

test("tierOfFile puts every file of a tier into that tier, so that none runs twice", () => {
  const wrong = TIERS.flatMap((tier) =>
    filesOfTier(tier).filter((file) => tierOfFile(file) !== tier),
  );
  expect(wrong).toEqual([]);
});

test("tierOfFile knows no tier for a file beside them", () => {
  expect(tierOfFile("docs/a.test.ts")).toBeUndefined();
  expect(tierOfFile("test/archive/a.test.ts")).toBeUndefined();
  expect(tierOfFile("test/arch/a.test.ts")?.name).toBe("arch");
});
