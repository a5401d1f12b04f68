import { describe, expect, test } from "bun:test";
import { capabilityNumber, capabilitySet } from "../../src/kernel/process/capabilities.ts";
import type { StartOptions } from "../../src/kernel/process/processes.ts";
import { defaultSeccompFilter } from "../../src/kernel/process/seccomp-default.ts";
import { syscallRaw } from "../../src/kernel/sys/syscall.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

const PR_GET_DUMPABLE = 3;
const USER = { uid: 1234, gid: 2345 };

const setOf = (...names: string[]): bigint =>
  capabilitySet(names.map((name) => capabilityNumber(name) ?? -1));

/** The five sets, as /proc shows them. */
const setsOf = (set: bigint): string =>
  ["Inh", "Prm", "Eff", "Bnd", "Amb"]
    .map((name) => `Cap${name}:\t${set.toString(16).padStart(16, "0")}\n`)
    .join("");

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`credentials of processes: needs cgroup2 and root (${missingForCells})`, () =>
    undefined);
}

function tests(): void {
  const file = kernelOfFile();

  const output = async (command: string, options: Partial<StartOptions>): Promise<string> =>
    (await file.kernel.run(`exec 2>&1; ${command}`, options)).stdout;

  describe("ids", () => {
    test("are those of the user and the group, without others, without a way back", async () => {
      const command = "id -u; id -g; id -G; grep -E 'NoNewPrivs|CapEff' /proc/$$/status";
      expect(await output(command, USER)).toBe(
        `1234\n2345\n2345\nCapEff:\t${"0".repeat(16)}\nNoNewPrivs:\t1\n`,
      );
    });

    test("have the supplementary groups that are named", async () => {
      expect(await output("id -G", { ...USER, groups: [5, 77, 4_000_000_000] })).toBe(
        "2345 5 77 4000000000\n",
      );
      expect(await output("id -u; id -G", { groups: [5] })).toBe("0\n0 5\n");
    });

    test("let a user open /dev/stdout and /dev/stderr again", async () => {
      expect(await output("echo a >/dev/stdout; echo b >/dev/stderr", USER)).toBe("a\nb\n");
    });
  });

  test("of a user leave the daemon's memory as readable as it was", async () => {
    const before = syscallRaw("prctl", PR_GET_DUMPABLE);
    await output("true", USER);
    expect([before, syscallRaw("prctl", PR_GET_DUMPABLE)]).toEqual([1, 1]);
  });

  describe("capabilities", () => {
    test("of a user are all five sets, and stay across exec", async () => {
      const capabilities = setOf("CAP_KILL", "net_bind_service");
      const command = "exec sh -c 'grep ^Cap /proc/$$/status'";
      expect(await output(command, { ...USER, capabilities })).toBe(setsOf(capabilities));
    });

    test("of root are all that is left to it", async () => {
      const capabilities = setOf("CAP_CHOWN");
      const command = "grep ^Cap /proc/$$/status; hostname x";
      expect(await output(command, { capabilities })).toBe(
        `${setsOf(capabilities)}hostname: you must be root to change the host name\n`,
      );
    });

    test("can be none at all, for root too", async () => {
      expect(await output("grep ^Cap /proc/$$/status", { capabilities: 0n })).toBe(setsOf(0n));
    });
  });

  describe("no_new_privs", () => {
    const command = "grep NoNewPrivs /proc/$$/status";

    test("is not set for root, and is when asked for", async () => {
      expect(await output(command, {})).toBe("NoNewPrivs:\t0\n");
      expect(await output(command, { noNewPrivileges: true })).toBe("NoNewPrivs:\t1\n");
    });

    test("is set for a user, unless that is refused", async () => {
      expect(await output(command, USER)).toBe("NoNewPrivs:\t1\n");
      expect(await output(command, { ...USER, noNewPrivileges: false })).toBe("NoNewPrivs:\t0\n");
    });
  });

  describe("the default seccomp filter", () => {
    const seccomp = defaultSeccompFilter();

    test("refuses mount and unshare with EPERM, and lets a shell work", async () => {
      const command =
        "mount -t tmpfs none /mnt 2>&1 | head -n 1; unshare -m true; unshare -U true; (echo sub | cat) & wait; grep ^Seccomp: /proc/self/status";
      expect(await output(command, { seccomp })).toBe(
        [
          "mount: /mnt: permission denied.",
          "unshare: unshare failed: Operation not permitted",
          "unshare: unshare failed: Operation not permitted",
          "sub",
          "Seccomp:\t2",
          "",
        ].join("\n"),
      );
    });

    test.each([
      ["a user with no_new_privs", USER],
      ["a user without", { ...USER, noNewPrivileges: false }],
      ["root without capabilities", { capabilities: 0n }],
      ["root with no_new_privs", { noNewPrivileges: true }],
    ])("stands for %s", async (_, options) => {
      const command = "grep ^Seccomp: /proc/$$/status; unshare -U true && echo bad";
      expect(await output(command, { seccomp, ...options })).toStartWith("Seccomp:\t2\nunshare:");
    });

    test("lets threads and processes be made without clone3", async () => {
      const threads =
        "import threading; t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()";
      const { stdout, stderr } = await file.kernel.run(
        `if command -v python3 >/dev/null; then python3 -c "${threads}"; else echo thread; fi`,
        { seccomp },
      );
      expect([stdout, stderr]).toEqual(["thread\n", ""]);
    });
  });
}
