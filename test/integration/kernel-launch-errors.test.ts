import { describe, expect, test } from "bun:test";
import { openSync } from "node:fs";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from "../../src/kernel/abi/sched.ts";
import type { LaunchPlan } from "../../src/kernel/process/launch-plan.ts";
import { LaunchError, launch } from "../../src/kernel/process/launcher.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

/** Of no open file. */
const NOTHING = 9999;
/** Of an open file that is no namespace, no process and no program. */
const FOLDER = openSync("/", "r");

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`LaunchError: needs cgroup2 and root (${missingForCells})`, () => undefined);
}

function tests(): void {
  const file = kernelOfFile();

  /** What a launch of /bin/true with this says. */
  function failure(plan: Partial<LaunchPlan>): string {
    using nothing = new FileDescriptor(openSync("/dev/null", "r"));
    try {
      launch({
        paths: ["/bin/true"],
        argv: ["true"],
        env: {},
        cwd: "/",
        cgroupNamespace: false,
        stdin: nothing.number,
        stdout: nothing.number,
        stderr: nothing.number,
        noNewPrivileges: false,
        resourceLimits: [],
        ...plan,
      });
    } catch (error) {
      expect(error).toBeInstanceOf(LaunchError);
      return String(error).replace("LaunchError: ", "");
    }
    return "it runs";
  }

  const join = (pidfd: number, namespaces: number) => ({
    join: { pidfd, namespaces, ownPidNamespace: FOLDER },
  });

  const CASES: readonly [message: string, plan: Partial<LaunchPlan>][] = [
    ['exec "/nope": ENOENT', { paths: ["/nope"] }],
    ['exec "/nope": EACCES', { paths: ["/nope", "/proc/version", "/nope2"] }],
    ['exec "true": EACCES', { paths: [], programFd: FOLDER }],
    ['chdir "/nope": ENOENT', { cwd: "/nope" }],
    ['chdir "/root": EACCES', { cwd: "/root", uid: 1234, gid: 1234 }],
    [
      'prlimit "nofile": EPERM',
      { resourceLimits: [{ resource: 7, soft: 1n << 50n, hard: 1n << 50n }] },
    ],
    ['prlimit "resource 99": EINVAL', { resourceLimits: [{ resource: 99, soft: 1n, hard: 1n }] }],
    ['prlimit "core": EINVAL', { resourceLimits: [{ resource: 4, soft: 2n, hard: 1n }] }],
    ['seccomp "/bin/true": EINVAL', { seccomp: new Uint8Array(8).fill(0xff) }],
    ['raise in the ambient set "capability 50": EINVAL', { capabilities: 1n << 50n }],
    ['clone3 "/bin/true": EBADF', { cgroupFd: 0 }],
    ['ask the launcher for "/bin/true": EBADF', { stdout: NOTHING }],
    ['ask the launcher for "/bin/true": EBADF', { descriptors: [{ from: NOTHING, to: 5 }] }],
    ['take the terminal of "/bin/true": ENOTTY', { terminal: true }],
    ['setns "process id namespace of cell": EINVAL', join(FOLDER, CLONE_NEWPID)],
    ['setns "mount namespace of cell": EINVAL', join(FOLDER, CLONE_NEWNS)],
    ['setns "IPC namespace of cell": EINVAL', join(FOLDER, CLONE_NEWIPC | CLONE_NEWNS)],
    ['setns "UTS namespace of cell": EINVAL', join(FOLDER, CLONE_NEWUTS)],
    ['setns "network namespace of cell": EINVAL', join(FOLDER, CLONE_NEWNET)],
    [
      `sethostname "${"x".repeat(65)}": EINVAL`,
      { newNamespaces: CLONE_NEWUTS, hostname: "x".repeat(65) },
    ],
  ];

  describe("LaunchError", () => {
    test.each(CASES)("%s", async (message, plan) => {
      const before = takeCensus();
      expect(failure(plan)).toBe(message);
      expect(await settledCensus(before)).toEqual(before);
    });

    test("names the way back into the daemon's own namespace, and nothing runs then", async () => {
      const before = takeCensus();
      using self = new FileDescriptor(syscall("pidfd_open", "self", process.pid, 0));
      expect(failure(join(self.number, CLONE_NEWPID))).toBe(
        'setns "own process id namespace": EINVAL',
      );
      self[Symbol.dispose]();
      expect(await settledCensus(before)).toEqual(before);
    });

    test("from a nested cell leaves the daemon's thread where it was", async () => {
      const outer = file.kernel.create();
      const before = takeCensus();
      expect(() => file.kernel.create({ parent: outer, hostname: "x".repeat(65) })).toThrow(
        /^sethostname "x+": EINVAL$/,
      );
      expect(() => file.kernel.sh("true", { namespaces: outer, paths: ["/nope"] })).toThrow(
        'exec "/nope": ENOENT',
      );
      expect(() => file.kernel.sh("true", { namespaces: outer, cwd: "/nope" })).toThrow(
        'chdir "/nope": ENOENT',
      );
      expect(await settledCensus(before)).toEqual(before);
      const run = await file.kernel.run("echo fine", { namespaces: outer });
      expect(run.stdout).toBe("fine\n");
    });
  });
}
