/** A root directory of a process's own: what is in it, what it can't do there, and that the host sees nothing of it. */
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../../src/kernel/abi/mount.ts";
import { CLONE_NEWNS, CLONE_NEWPID } from "../../src/kernel/abi/sched.ts";
import { ExitWatcher } from "../../src/kernel/process/exit-watcher.ts";
import {
  type RootMount,
  type RootPlan,
  MAX_ROOT_MOUNTS,
} from "../../src/kernel/process/launch-plan.ts";
import { launch } from "../../src/kernel/process/launcher.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();
const UID = 0x7000_0001;
const NOTHING_MORE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

const file = (source: string, target: string): RootMount => ({
  ...{ source, target, attributes: NOTHING_MORE, isDirectory: false },
});

/** A shell, and what it is made of. */
function shellRoot(extra: readonly RootMount[] = []): RootPlan {
  const loader = "lib64/ld-linux-x86-64.so.2";
  return {
    size: "64k",
    directories: ["bin", "lib", "lib64"],
    mounts: [
      file("/bin/sh", "bin/sh"),
      file(`/${loader}`, loader),
      file("/lib/x86_64-linux-gnu/libc.so.6", "lib/libc.so.6"),
      ...extra,
    ],
    proc: "proc",
    hidden: [],
  };
}

/** Runs a command in such a root, as a user without rights, and answers with what it printed. */
async function runIn(root: RootPlan, command: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "auraed-root-"));
  const output = join(folder, "output");
  using watcher = new ExitWatcher();
  using nothing = new FileDescriptor(openSync("/dev/null", "r"));
  using out = new FileDescriptor(openSync(output, "w"));
  try {
    const { pid, pidfd } = launch({
      paths: ["/bin/sh"],
      argv: ["sh", "-c", command],
      env: { LD_LIBRARY_PATH: "/lib" },
      ...{ cwd: "/", cgroupNamespace: false, newNamespaces: CLONE_NEWNS | CLONE_NEWPID, root },
      ...{ stdin: nothing.number, stdout: out.number, stderr: out.number },
      ...{ uid: UID, gid: UID, capabilities: 0n, noNewPrivileges: true, resourceLimits: [] },
    });
    await watcher.watch(pid, pidfd);
    return readFileSync(output, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(missing !== undefined)(
  `a root of its own${missing === undefined ? "" : ` (needs root: ${missing})`}`,
  () => {
    test("has the files that were named, its own processes, and nothing else", async () => {
      const printed = await runIn(
        shellRoot(),
        "echo /* /bin/* /lib/* /lib64/*; echo /proc/[a-z0-9]*",
      );
      expect(printed.split("\n").slice(0, 2)).toEqual([
        "/bin /lib /lib64 /proc /bin/sh /lib/libc.so.6 /lib64/ld-linux-x86-64.so.2",
        "/proc/1 /proc/self /proc/thread-self",
      ]);
    });

    test("is read-only, and so is all that is in it", async () => {
      const printed = await runIn(
        shellRoot(),
        "echo a > /new; echo a > /lib/libc.so.6; echo a > /proc/1/comm",
      );
      expect(
        printed.match(/cannot create [^:]+: (Read-only file system|Permission denied)/g),
      ).toHaveLength(3);
    });

    test("has no mount but its own", async () => {
      const printed = await runIn(
        shellRoot(),
        "while read -r a b c d at options rest; do echo $at $options; done < /proc/self/mountinfo",
      );
      const mounts = printed
        .trim()
        .split("\n")
        .map((line) => line.split(" "));
      expect(mounts.map(([at]) => at).sort()).toEqual([
        "/",
        "/bin/sh",
        "/lib/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
        "/proc",
      ]);
      for (const [, options] of mounts) {
        expect(options!.split(",")).toContainValues(["ro", "nosuid", "nodev"]);
      }
    });

    test("has a directory of the host's, in which others make what is in it", async () => {
      const folder = mkdtempSync(join(tmpdir(), "auraed-root-"));
      try {
        mkdirSync(join(folder, "sockets"), { mode: 0o755 });
        writeFileSync(join(folder, "sockets", "one"), "");
        const attributes = NOTHING_MORE | MOUNT_ATTR_NOEXEC;
        const mount = {
          source: join(folder, "sockets"),
          target: "run",
          attributes,
          isDirectory: true,
        };
        expect(await runIn(shellRoot([mount]), "echo /run/*; echo > /run/two")).toMatch(
          /^\/run\/one\n.*\/run\/two: Read-only file system/,
        );
        expect(existsSync(join(folder, "sockets", "two"))).toBe(false);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test("is gone with its process, and the host's mounts are as before", async () => {
      await runIn(shellRoot(), ":"); // what is made once
      const before = takeCensus();
      await runIn(shellRoot(), ":");
      expect(await settledCensus(before)).toEqual(before);
    });

    test("that can't be made says what is in the way, and leaves nothing", async () => {
      await runIn(shellRoot(), ":");
      const before = takeCensus();
      const failing = async (root: RootPlan): Promise<string> =>
        runIn(root, ":").then(
          () => "it ran",
          (error: Error) => error.message,
        );
      expect(await failing(shellRoot([file("/nope", "lib/nope")]))).toBe(
        'open_tree "/nope": ENOENT',
      );
      expect(await failing(shellRoot([file("/bin/sh", "nope/sh")]))).toBe(
        'move_mount "/nope/sh in a new root": ENOENT',
      );
      expect(await failing(shellRoot([file("/bin/sh", "bin/sh")]))).toBe(
        'move_mount "/bin/sh in a new root": EEXIST',
      );
      expect(await failing({ ...shellRoot(), directories: ["bin", "bin"] })).toBe(
        'mkdir "/bin in a new root": EEXIST',
      );
      expect(await failing({ ...shellRoot(), size: "much" })).toBe(
        'mount "tmpfs of a new root": EINVAL',
      );
      const many = Array.from({ length: MAX_ROOT_MOUNTS }, (_, i) => file("/bin/sh", `bin/${i}`));
      expect(await failing(shellRoot(many))).toBe(`a root of more than ${MAX_ROOT_MOUNTS} mounts`);
      expect(await settledCensus(before)).toEqual(before);
    });
  },
);
