import { describe, expect, test } from "bun:test";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { CpuControllerSchema, MemoryControllerSchema } from "../gen/aurae/cells/v0/cells_pb.ts";
import { GetSubProcessStreamRequestSchema } from "../gen/aurae/observe/v0/observe_pb.ts";
import { parseInstant, parseTimeout, parseValue } from "./values.ts";

function field(message: DescMessage, name: string): DescField {
  return message.fields.find((one) => one.name === name)!;
}

const max = field(MemoryControllerSchema, "max");
const weight = field(CpuControllerSchema, "weight");
const pid = field(GetSubProcessStreamRequestSchema, "process_id");
const channel = field(GetSubProcessStreamRequestSchema, "channel_type");

describe("parseValue", () => {
  test("reads 64 bits exactly, as bigint", () => {
    expect(parseValue(max, "9223372036854775807", "plain", "--max")).toBe(2n ** 63n - 1n);
    expect(parseValue(max, "-9223372036854775808", "plain", "--max")).toBe(-(2n ** 63n));
    expect(parseValue(weight, "18446744073709551615", "plain", "--w")).toBe(2n ** 64n - 1n);
    expect(parseValue(pid, "-1", "plain", "PID")).toBe(-1);
  });

  test("refuses what does not fit, naming the flag and the range", () => {
    expect(() => parseValue(max, "9223372036854775808", "plain", "--max")).toThrow(
      '--max: "9223372036854775808" is out of range (-9223372036854775808 to 9223372036854775807)',
    );
    expect(() => parseValue(weight, "-1", "plain", "--w")).toThrow("out of range (0 to");
    expect(() => parseValue(pid, "2147483648", "plain", "PID")).toThrow("out of range");
    expect(() => parseValue(pid, "1".repeat(500), "plain", "PID")).toThrow("out of range");
  });

  test("refuses what is no whole number", () => {
    for (const text of ["", "1.5", "0x10", "1e3", " 1", "abc", "64M"]) {
      expect(() => parseValue(weight, text, "plain", "--w")).toThrow("--w: want a whole number");
    }
  });

  test("takes units of 1024 for bytes", () => {
    expect(parseValue(max, "64M", "bytes", "--max")).toBe(67_108_864n);
    expect(parseValue(max, "1g", "bytes", "--max")).toBe(2n ** 30n);
    expect(parseValue(max, "512", "bytes", "--max")).toBe(512n);
    expect(() => parseValue(max, "8388608T", "bytes", "--max")).toThrow("out of range");
    expect(() => parseValue(max, "64MB", "bytes", "--max")).toThrow("want bytes, such as");
  });

  test("takes an enum by its short name, its full name and its number", () => {
    for (const text of ["stderr", "STDERR", "LOG_CHANNEL_TYPE_STDERR", "2"]) {
      expect(parseValue(channel, text, "plain", "CHANNEL_TYPE")).toBe(2);
    }
    expect(() => parseValue(channel, "7", "plain", "CHANNEL_TYPE")).toThrow(
      'CHANNEL_TYPE: want one of stdout, stderr, console, serial, not "7"',
    );
  });
});

test("parseTimeout reads units, seconds without one, and refuses what a timer can't hold", () => {
  expect(parseTimeout("500ms", "--timeout")).toBe(500);
  expect(parseTimeout("1.5s", "--timeout")).toBe(1500);
  expect(parseTimeout("30", "--timeout")).toBe(30_000);
  expect(parseTimeout("2m", "--timeout")).toBe(120_000);
  for (const text of ["0", "-1s", "1d", "", "999999999h"]) {
    expect(() => parseTimeout(text, "--timeout")).toThrow("--timeout: want a time");
  }
});

test("parseInstant reads times before now and points in time", () => {
  const now = Date.UTC(2026, 0, 2);
  const ago = (text: string) => now - parseInstant(text, "--since", now);
  expect(ago("10m")).toBe(600_000);
  expect(ago("1h30m")).toBe(5_400_000);
  expect(ago("1.5s")).toBe(1500);
  expect(ago("2d")).toBe(172_800_000);
  expect(ago("2026-01-01")).toBe(86_400_000);
  expect(ago("2026-01-01T23:59:59.5Z")).toBe(500);
  expect(ago("2026-01-01 23:00:00+01:00")).toBe(7_200_000);
  for (const text of [
    "10",
    "m",
    "10m ago",
    "2026",
    "2026-13-01",
    "2026-01-01T12:00:00",
    "",
    "-1m",
  ]) {
    expect(() => parseInstant(text, "--since", now), text).toThrow("--since: want a time such as");
  }
});
