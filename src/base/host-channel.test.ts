import { describe, expect, test } from "bun:test";
import {
  filesMessage,
  greetingLine,
  MAX_FILES_BYTES,
  parseFiles,
  parseFilesLine,
  parseGreeting,
  SEED_BYTES,
} from "./host-channel.ts";

const LIFE = "00112233445566778899aabbccddeeff";
const bodyOf = (value: unknown) => Buffer.from(JSON.stringify(value));

test("a greeting comes back as it was", () => {
  const seed = Uint8Array.from({ length: SEED_BYTES }, (_, i) => i * 3);
  const line = greetingLine({ life: LIFE, seed, timeMs: 1_790_000_000_000 });
  expect(line.endsWith("\n")).toBe(true);
  expect(parseGreeting(line.trimEnd())).toEqual({ life: LIFE, seed, timeMs: 1_790_000_000_000 });
});

test.each(["", "life", `life ${LIFE}`, `life ${LIFE} seed 00`, ` life ${LIFE} seed`, "files 3"])(
  "%j is no greeting",
  (line) => {
    expect(parseGreeting(line)).toBeUndefined();
  },
);

describe("files", () => {
  test("come back as they were", () => {
    const files = [
      { path: "/etc/aurae/hostname", text: "copy\n" },
      { path: "/etc/aurae/pki/server.key", text: "ä" },
    ];
    const message = Buffer.from(filesMessage(files));
    const end = message.indexOf("\n");
    const length = parseFilesLine(message.subarray(0, end).toString());
    expect(length).toBe(message.length - end - 1);
    expect(parseFiles(message.subarray(end + 1))).toEqual(files);
  });

  test.each(["files", "files -1", "files 1 ", "files 99999999", `files ${MAX_FILES_BYTES + 1}`])(
    "%j is no length of theirs",
    (line) => {
      expect(parseFilesLine(line)).toBeUndefined();
    },
  );

  test.each([
    null,
    1,
    {},
    { files: {} },
    { files: [null] },
    { files: [{ path: "/etc/aurae/life" }] },
  ])("%j are none", (value) => {
    expect(() => parseFiles(bodyOf(value))).toThrow("the host's files");
  });

  test.each([
    "/etc/passwd",
    "/etc/aurae/../passwd",
    "/etc/aurae/policy.toml",
    "/etc/aurae/pki/ca.key",
    "etc/aurae/life",
    "/etc/aurae/life\n",
  ])("%j is for no host to change", (path) => {
    const body = bodyOf({ files: [{ path, text: "" }] });
    expect(() => parseFiles(body)).toThrow("not for it to change");
  });
});
