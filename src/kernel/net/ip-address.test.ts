import { describe, expect, test } from "bun:test";
import { ipBytes, ipText, prefixFromNetmask } from "./ip-address.ts";

describe("ipBytes", () => {
  test.each([
    ["0.0.0.0", "00000000"],
    ["10.0.2.15", "0a00020f"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["fe80::", "fe800000000000000000000000000000"],
    ["fe80::2", "fe800000000000000000000000000002"],
    ["2001:DB8:0:1:2:3:4:abcd", "20010db800000001000200030004abcd"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["64:ff9b::255.1.2.3", "0064ff9b0000000000000000ff010203"],
    ["1:2:3:4:5:6:7.8.9.10", "000100020003000400050006" + "0708090a"],
    ["0000:0000:0000:0000:0000:ffff:255.255.255.255", "00000000000000000000ffffffffffff"],
  ])("reads %s", (text, hex) => {
    expect(Buffer.from(ipBytes(text)).toString("hex")).toBe(hex);
  });

  test.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.1/8",
    " 10.0.0.1",
    "0x0a.0.0.1",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::g",
    "[::1]",
    "::1/128",
    "fe80::1%eth0",
    "::ffff:1.2.3",
    "localhost",
    `${"0".repeat(40)}::1`,
  ])("refuses %j", (text) => {
    expect(() => ipBytes(text)).toThrow(RangeError);
    expect(() => ipBytes(text)).toThrow("is not an IP address");
  });
});

describe("ipText", () => {
  test("writes IPv6 in its canonical form (RFC 5952)", () => {
    for (const [given, canonical] of [
      ["2001:DB8::0001", "2001:db8::1"],
      ["0:0:0:0:0:0:0:0", "::"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
      ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
      ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ] as const) {
      expect(ipText(ipBytes(given))).toBe(canonical);
    }
  });

  test("writes what ipBytes reads, for any bytes", () => {
    for (let round = 0; round < 500; round++) {
      const bytes = crypto.getRandomValues(new Uint8Array(round % 2 === 0 ? 4 : 16));
      // Runs of zeros are what the short form is about.
      bytes.fill(0, round % 16, (round * 7) % 17);
      expect(ipBytes(ipText(bytes))).toEqual(bytes);
    }
  });

  test("reads a part of a larger buffer", () => {
    const bytes = new Uint8Array(40);
    bytes.set(ipBytes("fe80::2"), 20);
    expect(ipText(bytes.subarray(20, 36))).toBe("fe80::2");
  });

  test.each([0, 3, 5, 15, 17])("refuses %d bytes", (length) => {
    expect(() => ipText(new Uint8Array(length))).toThrow(`${length} bytes are no IP address`);
  });
});

describe("prefixFromNetmask", () => {
  test("finds every length by its mask", () => {
    for (let length = 0; length <= 32; length++) {
      const bits = "1".repeat(length).padEnd(32, "0");
      const bytes = bits.match(/.{8}/g) ?? [];
      expect(prefixFromNetmask(bytes.map((byte) => parseInt(byte, 2)).join("."))).toBe(length);
    }
  });

  test.each(["255.0.255.0", "0.0.0.1", "255.255.255.253", "127.0.0.0", "ffff::", "24", ""])(
    "refuses %j",
    (mask) => {
      expect(() => prefixFromNetmask(mask)).toThrow(RangeError);
    },
  );
});
