import { expect, test } from "bun:test";
import { parseSpiffeId } from "./spiffe-id.ts";

test("parseSpiffeId takes what the standard allows", () => {
  expect(parseSpiffeId("spiffe://example.org/a/B-1/c_d.e")).toEqual({
    trustDomain: "example.org",
    segments: ["a", "B-1", "c_d.e"],
    uri: "spiffe://example.org/a/B-1/c_d.e",
  });
  expect(parseSpiffeId("spiffe://a_b-c.d")?.segments).toEqual([]);
  const longest = `spiffe://x/${"a".repeat(2048 - 11)}`;
  expect(parseSpiffeId(longest)?.uri).toBe(longest);
  expect(parseSpiffeId(`spiffe://${"a".repeat(255)}/x`)).toBeDefined();
});

test("parseSpiffeId takes nothing else", () => {
  const bad = [
    "",
    "spiffe:",
    "spiffe://",
    "spiffe:///a",
    "SPIFFE://x/a",
    "https://x/a",
    "spiffe://X/a",
    "spiffe://x/",
    "spiffe://x/a/",
    "spiffe://x//a",
    "spiffe://x/.",
    "spiffe://x/a/../b",
    "spiffe://x/%61",
    "spiffe://x:80/a",
    "spiffe://u@x/a",
    "spiffe://x/a?b",
    "spiffe://x/a#b",
    "spiffe://x/a b",
    "spiffe://x/é",
    "spiffe://x/a\n",
    "spiffe://x/a\0",
    " spiffe://x/a",
    "spiffe://x\\/a",
    "spiffe://[::1]/a",
    `spiffe://x/${"a".repeat(2048 - 10)}`,
    `spiffe://${"a".repeat(256)}/x`,
  ];
  expect(bad.filter((uri) => parseSpiffeId(uri) !== undefined)).toEqual([]);
});
