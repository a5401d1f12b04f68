import { expect, test } from "bun:test";
import { escapeJson, escapeLines, escapeText } from "./escape.ts";

test("escapeText leaves nothing that steers a terminal or turns the direction of writing", () => {
  expect(escapeText("a\x1b[2J\x9b1m\x7f\r\nb\t\0")).toBe("a\\x1b[2J\\x9b1m\\x7f\\r\\nb\\t\\x00");
  expect(escapeText("\u202eevil\u2066 \u2028")).toBe("\\u202eevil\\u2066 \\u2028");
  expect(escapeText("\ud800x")).toBe("\\ud800x");
  expect(escapeText("grüße 日本 🙂")).toBe("grüße 日本 🙂");
});

test("escapeLines does the same, and keeps newlines and tabs", () => {
  expect(escapeLines("a\x1b[2J\n\tb\u202e\r\n")).toBe("a\\x1b[2J\n\tb\\u202e\\r\n");
});

test("escapeJson keeps the value", () => {
  const value = { a: "\x9b\u202e\x7f🙂\n\x1b" };
  const json = escapeJson(JSON.stringify(value, undefined, 2));
  expect(json).not.toMatch(/[\x7f-\x9f\u202e]/);
  expect(JSON.parse(json)).toEqual(value);
});
