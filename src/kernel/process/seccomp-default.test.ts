import { describe, expect, test } from "bun:test";
import { runFilter } from "../../../test/harness/filter.ts";
import {
  FILTERED,
  LAST_SYSCALL,
  NEWER_SYSCALLS,
  X32_SYSCALL_BIT,
} from "../abi/filtered-syscalls.ts";
import { SYS } from "../abi/syscalls.ts";
import { defaultSeccompFilter } from "./seccomp-default.ts";

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const KILL = 0x8000_0000;

const I386 = 0x4000_0003;

const filter = defaultSeccompFilter();
const verdict = (call: number, argument = 0): number => runFilter(filter, call, argument).result;

describe("defaultSeccompFilter", () => {
  test("refuses each call of the table, and allows every other one up to the newest it knows", () => {
    const own = new Set<number>([FILTERED.clone, FILTERED.personality, FILTERED.socket]);
    const refused = new Set<number>(Object.values(FILTERED).filter((call) => !own.has(call)));
    const newer = new Set<number>(Object.values(NEWER_SYSCALLS));
    for (let call = 0; call < 600; call++) {
      const isKnown = call <= LAST_SYSCALL || newer.has(call);
      const otherwise = isKnown ? ALLOW : ENOSYS;
      const expected = call === FILTERED.clone3 ? ENOSYS : refused.has(call) ? EPERM : otherwise;
      expect([call, verdict(call)]).toEqual([call, expected]);
    }
  });

  test("lets an ordinary program read, write, map and exec", () => {
    for (const call of [SYS.read, SYS.write, SYS.openat, SYS.ioctl, 9, 56, 59, 231, 262]) {
      expect(verdict(call)).toBe(ALLOW);
    }
  });

  test("refuses clone with any namespace", () => {
    expect(verdict(FILTERED.clone, 0x0012_0011 & ~0x0002_0000)).toBe(ALLOW);
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect(verdict(FILTERED.clone, 2 ** bit + 17)).toBe(EPERM);
    }
  });

  test("allows personalities that change nothing of security, and sockets but those of machines", () => {
    expect([0, 8, 0x20000, 0xffff_ffff].map((it) => verdict(FILTERED.personality, it))).toEqual(
      Array(4).fill(ALLOW),
    );
    expect(verdict(FILTERED.personality, 0x0040000)).toBe(EPERM);
    expect([1, 2, 10, 16].map((it) => verdict(FILTERED.socket, it))).toEqual(Array(4).fill(ALLOW));
    expect(verdict(FILTERED.socket, 40)).toBe(EPERM);
  });

  test("refuses x32, and ends a process that calls as another architecture", () => {
    expect(verdict(X32_SYSCALL_BIT + SYS.read)).toBe(ENOSYS);
    expect(verdict(0xffff_ffff)).toBe(ENOSYS);
    expect(runFilter(filter, SYS.read, 0, I386).result).toBe(KILL);
  });

  test("allows what a capability is for", () => {
    const administrator = defaultSeccompFilter(1n << 21n);
    expect(runFilter(administrator, FILTERED.mount).result).toBe(ALLOW);
    expect(runFilter(administrator, FILTERED.clone, 0x0002_0000).result).toBe(ALLOW);
    expect(runFilter(administrator, FILTERED.clone3).result).toBe(ALLOW);
    expect(runFilter(administrator, FILTERED.init_module).result).toBe(EPERM);
    expect(runFilter(administrator, FILTERED.keyctl).result).toBe(EPERM);
    expect(runFilter(defaultSeccompFilter(1n << 16n), FILTERED.init_module).result).toBe(ALLOW);
  });

  test("decides in a dozen instructions", () => {
    const most = Math.max(
      ...Array.from({ length: 600 }, (_, call) => runFilter(filter, call).steps),
    );
    expect(most).toBeLessThanOrEqual(16);
  });
});
