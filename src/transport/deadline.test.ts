import { describe, expect, test } from "bun:test";
import { clampDeadline } from "./deadline.ts";

function clamped(name: string, value: string): string | null {
  const headers = new Headers({ [name]: value });
  clampDeadline(headers);
  return headers.get(name);
}

describe("clampDeadline", () => {
  test("sets what is longer than a timer can wait to the longest that it can", () => {
    for (const [value, expected] of [
      ["0", "0"],
      ["2147483647", "2147483647"],
      ["2147483648", "2147483647"],
      ["9999999999", "2147483647"],
    ] as const) {
      expect(clamped("connect-timeout-ms", value)).toBe(expected);
    }
    for (const [value, expected] of [
      ["596H", "596H"],
      ["597H", "2147483S"],
      ["99999999H", "2147483S"],
      ["35791M", "35791M"],
      ["35792M", "2147483S"],
      ["2147483S", "2147483S"],
      ["2147484S", "2147483S"],
      ["99999999m", "99999999m"],
      ["99999999n", "99999999n"],
    ] as const) {
      expect(clamped("grpc-timeout", value)).toBe(expected);
    }
  });

  test("leaves what is no deadline alone", () => {
    for (const value of ["", "x", "-1", "99999999999", "1e99"]) {
      expect(clamped("connect-timeout-ms", value)).toBe(value);
    }
    for (const value of ["", "x", "H", "-1H", "999999999H", "9999H9", "9999h"]) {
      expect(clamped("grpc-timeout", value)).toBe(value);
    }
  });
});
