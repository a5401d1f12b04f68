import { expect, test } from "bun:test";
import {
  isRunning,
  namespacePidOf,
  openProcess,
  parseProcStat,
  readProcStat,
} from "./proc-stat.ts";

const REST = "S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654321 1 2 3";

test("parseProcStat reads past any name", () => {
  for (const name of ["sh", "a b", ") R 1 (", "(((", ""]) {
    expect(parseProcStat(`42 (${name}) ${REST}`)).toEqual({
      state: "S",
      parent: 7,
      startTime: 987654321n,
    });
  }
});

test("parseProcStat answers undefined for a line that is cut", () => {
  expect(parseProcStat("42 (sh) S 7")).toBeUndefined();
  expect(parseProcStat("")).toBeUndefined();
});

test("a process is known by its start time", () => {
  const startTime = readProcStat(process.pid)?.startTime ?? 0n;
  expect(startTime).toBeGreaterThan(0n);
  expect(isRunning({ pid: process.pid, startTime })).toBe(true);
  expect(isRunning({ pid: process.pid, startTime: startTime + 1n })).toBe(false);
  expect(openProcess({ pid: process.pid, startTime: startTime + 1n })).toBeUndefined();
  using opened = openProcess({ pid: process.pid, startTime });
  expect(opened?.number).toBeGreaterThan(2);
});

test("a process that is not there is undefined", () => {
  const pid = 2 ** 30;
  expect([readProcStat(pid), namespacePidOf(pid)]).toEqual([undefined, undefined]);
  expect(openProcess({ pid, startTime: 1n })).toBeUndefined();
});

test("namespacePidOf is the id in the innermost namespace", () => {
  expect(namespacePidOf(process.pid)).toBe(process.pid);
});
