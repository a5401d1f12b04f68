import { describe, expect, test } from "bun:test";
import { blockDeviceNumber, deviceNumber } from "./block-device.ts";

describe("blockDeviceNumber", () => {
  test("takes a number as it is", () => {
    expect(blockDeviceNumber("254:0")).toBe("254:0");
  });

  test.each([
    ["/dev/null", 'stat "/dev/null": ENOTBLK'],
    ["/dev/no-such-disk", 'stat "/dev/no-such-disk": ENOENT'],
    ["/etc/passwd", 'stat "/etc/passwd": ENOTBLK'],
    ["vda", 'stat "vda": ENOTBLK'],
    ["", 'stat "": ENOTBLK'],
    ["/dev/a\0b", 'stat "/dev/a\\u0000b": ENOTBLK'],
    ["1:2:3", 'stat "1:2:3": ENOTBLK'],
  ])("refuses %j and names it", (device, message) => {
    expect(() => blockDeviceNumber(device)).toThrow(message);
  });
});

describe("deviceNumber", () => {
  test("takes major and minor numbers out of both halves of a dev_t", () => {
    expect(deviceNumber(0xfe00n)).toBe("254:0");
    expect(deviceNumber(0x1000_0012_3456n)).toBe("4660:342");
    expect(deviceNumber(0xffff_f000_0000_0000n)).toBe("4294963200:0");
  });
});
