import { describe, expect, test } from "bun:test";
import { runFilter } from "../../../test/harness/filter.ts";
import { AUDIT_ARCH_X86_64 } from "../abi/audit.ts";
import { CONFINED } from "../abi/confined-syscalls.ts";
import { X32_SYSCALL_BIT } from "../abi/filtered-syscalls.ts";
import { allowlistFilter } from "./seccomp-allowlist.ts";

const ALLOW = 0x7fff_0000;
const TRAP = 0x0003_0000;
const EACCES = 0x0005_000d;
const KILL = 0x8000_0000;
const I386 = 0x4000_0003;
const EXECVE = 59;

const filter = allowlistFilter({
  allowed: [
    { name: "read" },
    { name: "socket", check: { argument: 0, values: [1, 16] } },
    { name: "mmap", check: { argument: 2, mask: 4, values: [0] } },
    { name: "ioctl", check: { argument: 1, values: [0xae80, 0x8000_ae81] } },
  ],
  refused: [{ name: "openat", errno: "EACCES" }],
});
const verdict = (call: number, ...args: readonly number[]): number =>
  runFilter(filter, call, args[0], AUDIT_ARCH_X86_64, args.slice(1)).result;

describe("allowlistFilter", () => {
  test("lets through what is named, and nothing else of all there is", () => {
    const checked = [CONFINED.socket, CONFINED.mmap, CONFINED.ioctl] as number[];
    for (let call = 0; call < 600; call++) {
      if (!checked.includes(call)) {
        const expected = call === CONFINED.read ? ALLOW : call === CONFINED.openat ? EACCES : TRAP;
        expect([call, verdict(call)]).toEqual([call, expected]);
      }
    }
  });

  test("looks at an argument's value", () => {
    expect([1, 16, 0, 2, 17].map((family) => verdict(CONFINED.socket, family))).toEqual([
      ...[ALLOW, ALLOW, TRAP, TRAP, TRAP],
    ]);
    const requests = [0xae80, 0x8000_ae81, 0xae81, 0];
    expect(requests.map((request) => verdict(CONFINED.ioctl, 0xae80, request))).toEqual([
      ...[ALLOW, ALLOW, TRAP, TRAP],
    ]);
  });

  test("looks at the bits of an argument that count", () => {
    const protections = [0, 1, 3, 4, 5, 7];
    expect(protections.map((protection) => verdict(CONFINED.mmap, 4, 4, protection))).toEqual([
      ...[ALLOW, ALLOW, ALLOW, TRAP, TRAP, TRAP],
    ]);
  });

  test("takes neither another architecture's door nor that of x32", () => {
    expect(runFilter(filter, CONFINED.read, 0, I386).result).toBe(KILL);
    expect(verdict(CONFINED.read + X32_SYSCALL_BIT)).toBe(TRAP);
    expect(verdict(EXECVE)).toBe(TRAP);
  });

  test("refuses a list that names a call twice", () => {
    const both = { allowed: [{ name: "open" }], refused: [{ name: "open", errno: "EACCES" }] };
    expect(() => allowlistFilter(both as never)).toThrow('"open" is in the list twice');
  });
});
