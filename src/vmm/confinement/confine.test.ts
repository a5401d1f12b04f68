import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { inRoot } from "../../../build/paths.ts";
import { runFilter } from "../../../test/harness/filter.ts";
import { AUDIT_ARCH_X86_64 } from "../../kernel/abi/audit.ts";
import { CONFINED } from "../../kernel/abi/confined-syscalls.ts";
import { allowlistFilter } from "../../kernel/process/seccomp-allowlist.ts";
import { allowlistOf, baseAllowlist, joined } from "./allowlists.ts";
import { REFUSED, THREAD_KINDS } from "./syscall-lists.ts";

const ALLOW = 0x7fff_0000;
const TRAP = 0x0003_0000;

const base = allowlistFilter(baseAllowlist());
const own = THREAD_KINDS.map((kind) => [kind, allowlistFilter(allowlistOf(kind))] as const);

describe("the lists of system calls", () => {
  test("allow nobody what another program, another user or another network is made by", () => {
    for (const filter of [base, ...own.map(([, one]) => one)]) {
      // execve, execveat, fork, vfork, ptrace, setuid, mount, unshare, setns, bind, listen, io_uring_setup, bpf
      for (const call of [59, 322, 57, 58, 101, 105, 165, 272, 308, 49, 50, 425, 321]) {
        expect([call, runFilter(filter, call).result]).toEqual([call, TRAP]);
      }
    }
  });

  test("are each within the one of all threads, so that no filter is in another's way", () => {
    for (const kind of THREAD_KINDS) {
      for (const { name, check } of allowlistOf(kind).allowed) {
        const args = Array<number>(6).fill(0);
        if (check !== undefined) {
          args[check.argument] = check.values[0]!;
        }
        const [first, ...others] = args;
        const verdict = runFilter(base, CONFINED[name], first, AUDIT_ARCH_X86_64, others).result;
        expect([kind, name, verdict]).toEqual([kind, name, ALLOW]);
      }
    }
  });

  test("differ where their threads do", () => {
    const who = (call: number, ...args: number[]): string[] =>
      own
        .filter(
          ([, filter]) =>
            runFilter(filter, call, args[0], AUDIT_ARCH_X86_64, args.slice(1)).result === ALLOW,
        )
        .map(([kind]) => kind);
    expect(who(CONFINED.preadv)).toEqual(["disks"]);
    expect(who(CONFINED.connect)).toEqual(["devices"]);
    expect(who(CONFINED.recvmsg)).toEqual(["main"]);
    expect(who(CONFINED.ioctl, 0, 0xae80)).toEqual(["vcpu"]);
    expect(who(CONFINED.seccomp)).toEqual([]);
  });

  test("can't be joined where they look at different arguments of one call", () => {
    const check = { argument: 0, values: [1] };
    const lists = [
      [{ name: "ioctl" as const, check }],
      [{ name: "ioctl" as const, check: { ...check, argument: 1 } }],
    ];
    expect(() => joined(lists)).toThrow("different arguments");
  });

  test("are what docs/design/vmm.md publishes and counts", () => {
    const page = readFileSync(inRoot("docs/design/vmm.md"), "utf8").replace(/\s+/g, " ");
    const names = (list: readonly { readonly name: string }[]): string =>
      list
        .map(({ name }) => `\`${name}\``)
        .toSorted()
        .join(", ");
    const only = (kind: (typeof THREAD_KINDS)[number]) => {
      const everywhere = new Set(
        allowlistOf(kind)
          .allowed.map(({ name }) => name)
          .filter((name) =>
            THREAD_KINDS.every((one) => allowlistOf(one).allowed.some((it) => it.name === name)),
          ),
      );
      return allowlistOf(kind).allowed.filter(({ name }) => !everywhere.has(name));
    };
    for (const kind of THREAD_KINDS) {
      const { length } = allowlistOf(kind).allowed;
      expect(page).toContain(`- \`${kind}\`, ${length} in all: ${names(only(kind))}`);
    }
    const common = allowlistOf("main").allowed.filter(
      ({ name }) => !only("main").some((it) => it.name === name),
    );
    expect(page).toContain(`- every thread, ${common.length}: ${names(common)}`);
    expect(page).toContain(`- refused, ${REFUSED.length}: ${names(REFUSED)}`);
    expect(page).toContain(`the process as a whole, ${baseAllowlist().allowed.length}`);
  });
});
