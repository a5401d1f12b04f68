import { expect, test } from "bun:test";
import { capabilityNumber, capabilitySet } from "./capabilities.ts";
import { RESOURCE_LIMIT_NAMES, resourceLimitNumber } from "./resource-limits.ts";

test("capabilityNumber takes a name in any case, with or without its start", () => {
  expect(["CAP_KILL", "cap_kill", "kill", "net_admin"].map(capabilityNumber)).toEqual([
    5, 5, 5, 12,
  ]);
});

test.each(["", "cap_", "cap_cap_kill", "nope", "__proto__", "toString", "5"])(
  "capabilityNumber answers undefined for %j",
  (name) => {
    expect(capabilityNumber(name)).toBeUndefined();
  },
);

test("capabilitySet takes numbers in any order, beyond what is known too", () => {
  expect(capabilitySet([0, 40, 63, 0])).toBe((1n << 63n) | (1n << 40n) | 1n);
  expect(() => capabilitySet([64])).toThrow("not a capability: 64");
});

test("resourceLimitNumber takes a name in any case, with or without its start", () => {
  expect(["nofile", "NOFILE", "RLIMIT_NOFILE"].map(resourceLimitNumber)).toEqual([7, 7, 7]);
  expect(["", "nope", "rlimit_", "constructor"].map(resourceLimitNumber)).toEqual(
    Array(4).fill(undefined),
  );
  expect(new Set(RESOURCE_LIMIT_NAMES.map(resourceLimitNumber)).size).toBe(16);
});
