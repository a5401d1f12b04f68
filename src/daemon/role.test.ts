import { describe, expect, test } from "bun:test";
import { deriveRole } from "./role.ts";

describe("deriveRole", () => {
  test.each([
    [{ nested: false, isInit: true, selfCgroup: "0::/\n" }, "pid1"],
    [{ nested: false, isInit: true, selfCgroup: undefined }, "pid1"],
    [{ nested: true, isInit: true, selfCgroup: "0::/\n" }, "cell"],
    [{ nested: false, isInit: false, selfCgroup: "0::/_aurae\n" }, "container"],
    [{ nested: false, isInit: true, selfCgroup: "0::/_aurae\n" }, "container"],
    [{ nested: true, isInit: false, selfCgroup: "0::/_aurae\n" }, "cell"],
    [{ nested: false, isInit: false, selfCgroup: "0::/init.scope\n" }, "daemon"],
  ] as const)("of %p is %s", (facts, role) => {
    expect(deriveRole(facts)).toBe(role);
  });
});
