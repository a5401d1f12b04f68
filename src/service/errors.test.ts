import { describe, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { AuraeError, type ErrorKind } from "../base/errors.ts";
import { setLogSink } from "../base/log.ts";
import { toConnectError } from "./errors.ts";

function logged(act: () => void): string {
  let text = "";
  const restore = setLogSink((line) => {
    text += line;
  });
  try {
    act();
  } finally {
    restore();
  }
  return text;
}

describe("toConnectError", () => {
  test("keeps kind and message of an AuraeError", () => {
    const kinds: ErrorKind[] = [
      "not_found",
      "already_exists",
      "failed_precondition",
      "aborted",
      "unavailable",
    ];
    for (const kind of kinds) {
      const error = toConnectError(new AuraeError(kind, "why"));
      expect(Code[error.code]).toBe(
        kind.replace(/(^|_)(.)/g, (_all, _dash, letter) => letter.toUpperCase()),
      );
      expect(error.rawMessage).toBe("why");
    }
  });

  test("leaves a ConnectError alone", () => {
    const error = new ConnectError("x", Code.DataLoss);
    expect(toConnectError(error)).toBe(error);
  });

  test("hides what is not meant for callers, and logs it with its causes", () => {
    const inner = new Error("inner secret");
    const text = logged(() => {
      const error = toConnectError(new Error("outer secret", { cause: inner }), "a.B/C");
      expect(error.code).toBe(Code.Internal);
      expect(error.rawMessage).toBe("internal error");
      expect(error.cause).toBeUndefined();
    });
    for (const part of ["outer secret", "inner secret", "a.B/C"]) {
      expect(text).toContain(part);
    }
    expect(logged(() => toConnectError("just a string"))).toContain("just a string");
  });
});
