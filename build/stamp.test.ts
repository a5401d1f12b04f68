import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DIST } from "./paths.ts";
import { digestOf, makeIfStale } from "./stamp.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-stamp-"));
const name = basename(folder);

afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(join(DIST, ".stamps", name), { force: true });
});

test("makeIfStale makes once for the same inputs, and again for others or when the output is gone", async () => {
  const output = join(folder, "output");
  let made = 0;
  const make = async () => {
    made += 1;
    writeFileSync(output, "");
  };
  expect(await makeIfStale(name, [output], "one", make)).toBe(true);
  expect(await makeIfStale(name, [output], "one", make)).toBe(false);
  expect(await makeIfStale(name, [output], "two", make)).toBe(true);
  rmSync(output);
  expect(await makeIfStale(name, [output], "two", make)).toBe(true);
  expect(made).toBe(3);
});

test("makeIfStale tries again after a failure", async () => {
  const output = join(folder, "output");
  const fail = async () => {
    throw new Error("no");
  };
  await makeIfStale(name, [output], "good", async () => writeFileSync(output, ""));
  await expect(makeIfStale(name, [output], "bad", fail)).rejects.toThrow("no");
  expect(await makeIfStale(name, [output], "bad", async () => undefined)).toBe(true);
});

test("digestOf tells files by name and by content, and does not look at their order", () => {
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  writeFileSync(a, "x");
  writeFileSync(b, "y");
  const before = digestOf([a, b]);
  expect(digestOf([b, a])).toBe(before);
  expect(digestOf([a])).not.toBe(before);
  expect(digestOf([a, b], "another compiler")).not.toBe(before);
  writeFileSync(a, "y");
  writeFileSync(b, "x");
  expect(digestOf([a, b])).not.toBe(before);
});
