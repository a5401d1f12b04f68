import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OutputLog } from "./output-log.ts";

let directory: string;
const content = (file: string): string => readFileSync(join(directory, file), "utf8");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-output-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("OutputLog", () => {
  test("keeps every byte, readable by its owner only", () => {
    const log = new OutputLog(directory, "stdout");
    log.append(Buffer.from("a\0\xff", "latin1"));
    log.append(Buffer.from("b\n"));
    log.close();
    expect(readFileSync(join(directory, "stdout.log"), "latin1")).toBe("a\0\xffb\n");
    expect(statSync(join(directory, "stdout.log")).mode & 0o777).toBe(0o600);
  });

  test("rotates at its size and keeps one file before", () => {
    const log = new OutputLog(directory, "stderr", 4);
    for (const text of ["1111", "2222", "33", "3333", "4"]) {
      log.append(Buffer.from(text));
    }
    log.close();
    expect([content("stderr.log.1"), content("stderr.log")]).toEqual(["333333", "4"]);
    expect(log.lostBytes).toBe(0);
  });

  test("starts anew and does not follow a link that somebody put there", () => {
    const victim = join(directory, "victim");
    writeFileSync(victim, "mine");
    symlinkSync(victim, join(directory, "stdout.log"));
    const log = new OutputLog(directory, "stdout");
    log.append(Buffer.from("x"));
    log.close();
    expect([content("victim"), content("stdout.log")]).toEqual(["mine", "x"]);
  });

  test("counts what it can't write instead of failing", () => {
    const log = new OutputLog(directory, "stdout", 4);
    log.append(Buffer.from("1111"));
    rmSync(directory, { recursive: true });
    log.append(Buffer.from("22"));
    expect(log.lostBytes).toBe(2);
    log.close();
    mkdirSync(directory);
  });
});
