import { describe, expect, test } from "bun:test";
import { Policy } from "./policy.ts";

const nobody = { dnsNames: [], name: "nobody" };

describe("Policy", () => {
  test("refuses a method without a rule to everybody", () => {
    const policy = new Policy({ trustDomain: "x" });
    for (const method of ["a.B/C", "constructor", "__proto__", "toString", ""]) {
      expect(() => policy.authorize({ ...nobody, uid: 0 }, method)).toThrow(
        `"nobody" may not call ${method}: no rule allows it to anybody`,
      );
    }
  });

  test("gives no role to a SPIFFE ID when the daemon has no trust domain", () => {
    const policy = new Policy({ trustDomain: undefined });
    const spiffeId = {
      trustDomain: "x",
      segments: ["role", "admin", "a"],
      uri: "spiffe://x/role/admin/a",
    };
    expect([...policy.rolesOf({ ...nobody, spiffeId })]).toEqual([]);
  });

  test("adds up the roles of a principal", () => {
    const grants = [{ role: "reader" as const, matches: () => true }];
    const policy = new Policy({ trustDomain: "x", grants });
    expect([...policy.rolesOf({ ...nobody, uid: 0 })].sort()).toEqual(["admin", "reader"]);
    expect([...policy.rolesOf(nobody)]).toEqual(["reader"]);
  });
});
