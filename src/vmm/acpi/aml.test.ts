import { describe, expect, test } from "bun:test";
import {
  arg,
  buffer,
  device,
  eisaId,
  equal,
  integer,
  method,
  name,
  namePath,
  notify,
  packageOf,
  scope,
  string,
  when,
} from "./aml.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const text = (chars: string): string => Buffer.from(chars, "latin1").toString("hex");

/** PkgLength, as section 20.2.4 has it: the length, and how many bytes it takes up itself. */
function lengthAt(bytes: Uint8Array, at: number): { length: number; size: number } {
  const lead = bytes[at]!;
  const extra = lead >> 6;
  if (extra === 0) {
    return { length: lead & 0x3f, size: 1 };
  }
  let length = lead & 0x0f;
  for (let i = 0; i < extra; i += 1) {
    length += bytes[at + 1 + i]! * 2 ** (4 + 8 * i);
  }
  return { length, size: 1 + extra };
}

describe("namePath", () => {
  test.each([
    ["_HID", text("_HID")],
    ["RTC", text("RTC_")],
    ["\\", `${text("\\")}00`],
    ["\\_SB", text("\\_SB_")],
    ["_SB.PWRB", `2e${text("_SB_PWRB")}`],
    ["\\_SB.GED.X1", `${text("\\")}2f03${text("_SB_GED_X1__")}`],
  ])("encodes %s", (path, bytes) => {
    expect(hex(namePath(path))).toBe(bytes);
  });

  test.each(["1AB", "abc", "TOOLONG", "A..B", "\\.A", "A-B"])("refuses %s", (path) => {
    expect(() => namePath(path)).toThrow("is no AML name");
  });
});

describe("integer", () => {
  test.each([
    [0, "00"],
    [1, "01"],
    [2, "0a02"],
    [255, "0aff"],
    [256, "0b0001"],
    [65_535, "0bffff"],
    [65_536, "0c00000100"],
    [0xffff_ffff, "0cffffffff"],
    [2 ** 32, "0e0000000001000000"],
    [0xffff_ffff_ffff_ffffn, "0effffffffffffffff"],
  ])("encodes %p in its shortest form", (value, bytes) => {
    expect(hex(integer(value))).toBe(bytes);
  });

  test.each([-1, 2n ** 64n])("refuses %p", (value) => {
    expect(() => integer(value)).toThrow("is no AML integer");
  });
});

describe("eisaId", () => {
  test("packs the id as the specification's example has it", () => {
    // PNP0C09 is 0x090cd041 (ACPI 6.5 section 6.1.5).
    expect(hex(eisaId("PNP0C09"))).toBe("0c41d00c09");
    expect(hex(eisaId("PNP0501"))).toBe("0c41d00501");
  });

  test.each(["PNP050", "pnp0501", "PNP05G1"])("refuses %s", (id) => {
    expect(() => eisaId(id)).toThrow("is no EISA id");
  });
});

describe("the length of a package", () => {
  test.each([0, 1, 61, 62, 63, 64, 4092, 4093, 4094, 5000, 1_048_570, 1_048_573, 1_100_000])(
    "counts itself, around %d bytes of content",
    (count) => {
      const content = new Uint8Array(count).fill(0xaa);
      // The path of the root is two bytes.
      const term = scope("\\", content);
      const { length, size } = lengthAt(term, 1);
      expect(length).toBe(term.length - 1);
      expect(length).toBe(size + 2 + count);
    },
  );

  test("has a most", () => {
    expect(() => scope("\\", new Uint8Array(2 ** 28))).toThrow("too many for one AML package");
  });
});

test("data objects have their bytes", () => {
  expect(hex(string("LNRO0005"))).toBe(`0d${text("LNRO0005")}00`);
  expect(() => string("é")).toThrow("not of ASCII");
  expect(hex(buffer(new Uint8Array([7, 8])))).toBe("11050a020708");
  expect(hex(packageOf(integer(5), integer(0)))).toBe("1205020a0500");
  expect(() => packageOf(...Array.from({ length: 256 }, () => integer(0)))).toThrow("256 elements");
});

test("terms have their bytes", () => {
  expect(hex(name("_UID", integer(1)))).toBe(`08${text("_UID")}01`);
  expect(hex(device("COM1", integer(0)))).toBe(`5b8206${text("COM1")}00`);
  expect(hex(method("_EVT", { args: 1, isSerialized: true }))).toBe(`1406${text("_EVT")}09`);
  expect(hex(method("_STA", { args: 0, isSerialized: false }))).toBe(`1406${text("_STA")}00`);
  expect(() => method("_STA", { args: 8, isSerialized: false })).toThrow("8 arguments");
  expect(hex(when(equal(arg(0), integer(5)), notify("PWRB", 0x80)))).toBe(
    `a00c93680a0586${text("PWRB")}0a80`,
  );
  expect(() => arg(7)).toThrow("Arg6 is the last");
});
