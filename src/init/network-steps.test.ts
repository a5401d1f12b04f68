import { describe, expect, test } from "bun:test";
import { parseCommandLine } from "./command-line.ts";
import { staticAddresses } from "./network-steps.ts";

const addressesOf = (text: string) => staticAddresses(parseCommandLine(text));

describe("staticAddresses", () => {
  test("reads every ip= of the command line, in order, and passes over those that ask for nothing", () => {
    const found = addressesOf("quiet ip=10.0.0.2::10.0.0.1 ip=off ip=[fd00::2]:::64 ip=");
    expect(found.map(({ address }) => address)).toEqual(["10.0.0.2", "fd00::2"]);
    expect(addressesOf("quiet")).toEqual([]);
  });

  test("leaves one out that is wrong, and keeps the others", () => {
    const addresses = addressesOf("ip=dhcp ip=10.0.0.2 ip=nonsense");
    expect(addresses.map(({ address }) => address)).toEqual(["10.0.0.2"]);
  });

  test("refuses more than its bound", () => {
    expect(addressesOf("ip=10.0.0.2 ".repeat(16))).toHaveLength(16);
    expect(() => addressesOf("ip=10.0.0.2 ".repeat(17))).toThrow("17 ip= parameters");
  });
});
