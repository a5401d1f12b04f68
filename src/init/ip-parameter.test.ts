import { describe, expect, test } from "bun:test";
import { IpParameterError, parseIpParameter } from "./ip-parameter.ts";

const NOTHING_MORE = { gateway: undefined, hostname: undefined, device: undefined, dns: [] };

describe("parseIpParameter", () => {
  test("reads every part that it uses", () => {
    const value =
      "10.0.2.15:10.0.2.9:10.0.2.2:255.255.255.0:a-1.example:eth0:off:10.0.2.3:1.1.1.1:2.2.2.2";
    expect(parseIpParameter(value)).toEqual({
      address: "10.0.2.15",
      prefixLength: 24,
      gateway: "10.0.2.2",
      hostname: "a-1.example",
      device: "eth0",
      dns: ["10.0.2.3", "1.1.1.1"],
    });
  });

  test("takes an address alone, with parts at the end missing or empty", () => {
    for (const value of ["10.0.0.1", "10.0.0.1:", "10.0.0.1::::::::"]) {
      expect(parseIpParameter(value)).toEqual({
        address: "10.0.0.1",
        prefixLength: 8,
        ...NOTHING_MORE,
      });
    }
  });

  test("reads IPv6 addresses in brackets, with a prefix length for a netmask", () => {
    expect(
      parseIpParameter("[2001:db8::2]::[2001:db8::1]:56:host:eth1:none:[2001:db8::3]:[::1]"),
    ).toEqual({
      address: "2001:db8::2",
      prefixLength: 56,
      gateway: "2001:db8::1",
      hostname: "host",
      device: "eth1",
      dns: ["2001:db8::3", "::1"],
    });
    expect(parseIpParameter("[2001:db8::2]")).toMatchObject({ prefixLength: 64 });
    expect(parseIpParameter("[::1]:::128")).toMatchObject({ prefixLength: 128 });
  });

  test.each([
    ["9.0.0.1", "", 8],
    ["127.0.0.1", "", 8],
    ["128.0.0.1", "", 16],
    ["191.255.0.1", "", 16],
    ["192.168.0.1", "", 24],
    ["223.0.0.1", "", 24],
    ["10.0.0.1", "255.255.255.252", 30],
    ["10.0.0.1", "255.255.255.255", 32],
    ["10.0.0.1", "0.0.0.0", 0],
    ["10.0.0.1", "31", 31],
    ["10.0.0.1", "0", 0],
  ] as const)("gives %s with the netmask %j the prefix %d", (address, netmask, prefixLength) => {
    expect(parseIpParameter(`${address}:::${netmask}`)).toMatchObject({ prefixLength });
  });

  test.each(["", "off", "none", "static"])("finds nothing to configure in %j", (value) => {
    expect(parseIpParameter(value)).toBeUndefined();
  });

  test.each(["on", "any", "dhcp", "bootp", "rarp", "both", "dhcp6", "auto6"])(
    "refuses %s, alone and as the seventh part, and says what to do",
    (way) => {
      const message = `"${way}" is not supported; give a static address`;
      expect(() => parseIpParameter(way)).toThrow(message);
      expect(() => parseIpParameter(`10.0.0.1:::::eth0:${way}`)).toThrow(message);
    },
  );

  test.each([
    ["10.0.0.1:::::eth0:magic", '"magic" is no way of configuration'],
    ["10.0.0", 'the address "10.0.0" is not an IP address'],
    ["10.0.0.256", "is not an IP address"],
    ["[fe80::1%eth0]", "is not an IP address"],
    ["fe80::1", "is not an IP address"],
    ["224.0.0.1", "of no class"],
    ["10.0.0.1::gateway", 'the gateway "gateway" is not an IP address'],
    ["10.0.0.1::[::1]", "different families"],
    ["[::1]::10.0.0.1", "different families"],
    ["10.0.0.1:::255.0.255.0", "is not a netmask"],
    ["10.0.0.1:::33", "is not a netmask"],
    ["10.0.0.1:::-1", "is not a netmask"],
    ["[::1]:::129", "prefix length"],
    ["[::1]:::255.255.255.0", "prefix length"],
    ["10.0.0.1::::-a", '"-a" is not a host name'],
    ["10.0.0.1::::a..b", "is not a host name"],
    ["10.0.0.1::::a_b", "is not a host name"],
    [`10.0.0.1::::${"a".repeat(65)}`, "is not a host name"],
    ["10.0.0.1:::::eth/0", "is not the name of a device"],
    ["10.0.0.1:::::..", "is not the name of a device"],
    [`10.0.0.1:::::${"e".repeat(16)}`, "is not the name of a device"],
    ["10.0.0.1:::::eth0:off:dns", 'the name server "dns" is not an IP address'],
    ["[::1", "a bracket is out of place"],
    ["::1]", "a bracket is out of place"],
    ["10.0.0.1:a[b]", "a bracket is out of place"],
    ["10.0.0.1::::::::::", "11 parts, more than 10"],
    ["1".repeat(513), "longer than 512 characters"],
  ])("refuses %j: %s", (value, why) => {
    expect(() => parseIpParameter(value)).toThrow(IpParameterError);
    expect(() => parseIpParameter(value)).toThrow(why);
  });

  // The kernel's document gives it as an example.
  test("says of a value without an address what is wrong with it", () => {
    expect(() => parseIpParameter(":::::eth0:dhcp")).toThrow('"dhcp" is not supported');
    expect(() => parseIpParameter("::10.0.0.1")).toThrow('the address "" is not an IP address');
  });

  test("takes the longest names that the kernel takes", () => {
    const [hostname, device] = ["a".repeat(64), "e".repeat(15)];
    expect(parseIpParameter(`10.0.0.1::::${hostname}:${device}`)).toMatchObject({
      hostname,
      device,
    });
  });

  test("quotes what is hostile, and no more of it than its bound", () => {
    const value = `\x1b[2J${"x".repeat(5000)}`;
    let message = "";
    try {
      parseIpParameter(value);
    } catch (error) {
      message = error instanceof IpParameterError ? error.message : "";
    }
    expect(message).toStartWith('read the kernel parameter ip="\\u001b[2J');
    expect(message.length).toBeLessThan(700);
  });

  test("answers or refuses, and does nothing else, whatever the text", () => {
    const alphabet = [..."01259.:[]%/-abfx \n\0é", "255", "::", "10.0.0.1", "off", "dhcp"];
    let refused = 0;
    for (let round = 0; round < 5000; round++) {
      const parts = Array.from(
        { length: round % 24 },
        () => alphabet[Math.floor(Math.random() * alphabet.length)],
      );
      const value = parts.join("");
      try {
        parseIpParameter(value);
      } catch (error) {
        refused += 1;
        if (!(error instanceof IpParameterError)) {
          throw new Error(`parseIpParameter(${JSON.stringify(value)})`, { cause: error });
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});
