import { describe, expect, test } from "bun:test";
import { Policy } from "./policy.ts";
import { RULES } from "./rules.ts";

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

  test("counts the role boot on the machine itself alone, and says so", () => {
    const policy = new Policy({
      trustDomain: "x",
      grants: [{ role: "boot", matches: ({ commonName }) => commonName === "granted" }],
    });
    const uri = "spiffe://x/role/boot/a";
    const spiffeId = { trustDomain: "x", segments: ["role", "boot", "a"], uri };
    for (const principal of [
      { ...nobody, spiffeId },
      { ...nobody, commonName: "granted" },
    ]) {
      expect([...policy.rolesOf({ ...principal, isLocal: true })]).toEqual(["boot"]);
      expect([...policy.rolesOf(principal)]).toEqual([]);
      expect([...policy.rolesOf({ ...principal, isLocal: false })]).toEqual([]);
      const free = "aurae.cells.v0.CellService/Free";
      expect(() => policy.authorize({ ...principal }, free)).toThrow(
        `"nobody" may not call ${free}: its role "boot" counts only on the machine itself`,
      );
      const powerOff = "aurae.machine.v0.MachineService/PowerOff";
      expect(() => policy.authorize({ ...principal, isLocal: true }, powerOff)).toThrow(
        'it takes the role "admin"',
      );
    }
  });

  test("lets boot run the machine and look at it, and call no method about its power", () => {
    const allowed = Object.entries(RULES).filter(([, rule]) => rule !== "any");
    const withBoot = allowed.filter(([, rule]) => rule.includes("boot")).map(([name]) => name);
    const services = new Set(withBoot.map((name) => name.split("/")[0]));
    expect([...services].sort()).toEqual([
      ...["aurae.cells.v0.CellService", "aurae.observe.v0.ObserveService"],
      "aurae.vms.v0.VmService",
    ]);
    const without = allowed.map(([name]) => name).filter((name) => !withBoot.includes(name));
    expect(without.sort()).toEqual([
      ...["aurae.machine.v0.MachineService/PowerOff", "aurae.machine.v0.MachineService/Reboot"],
    ]);
  });

  test("adds up the roles of a principal", () => {
    const grants = [{ role: "reader" as const, matches: () => true }];
    const policy = new Policy({ trustDomain: "x", grants });
    expect([...policy.rolesOf({ ...nobody, uid: 0 })].sort()).toEqual(["admin", "reader"]);
    expect([...policy.rolesOf(nobody)]).toEqual(["reader"]);
  });
});
