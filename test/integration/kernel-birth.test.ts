/** Namespaces and who is born in them, asked for at once: the launcher makes one after the other, and no less safely. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RLIMIT_NOFILE } from "../../src/kernel/abi/resource.ts";
import type { KernelCellNamespaces } from "../../src/kernel/namespace/kernel-cell-namespaces.ts";
import { endLauncher, launch, launcherPid } from "../../src/kernel/process/launcher.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import { type Census, settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { KernelFixture, missingForCells } from "./kernel-fixture.ts";

const TOO_LONG = "x".repeat(65);

/** Runs something with this many descriptors to be had. */
function withFreeDescriptors(free: number, work: () => void): void {
  const limits = new BigUint64Array(2);
  syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, null, limits);
  const highest = Math.max(...readdirSync("/proc/self/fd").map(Number));
  const low = new BigUint64Array([BigInt(highest + 20), limits[1] ?? 0n]);
  syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, low, null);
  const held: number[] = [];
  try {
    try {
      for (;;) {
        held.push(openSync("/dev/null", "r"));
      }
    } catch {
      // EMFILE
    }
    held.splice(held.length - free).forEach(closeSync);
    work();
  } finally {
    held.forEach(closeSync);
    syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, limits, null);
  }
}

async function end(...all: readonly KernelCellNamespaces[]): Promise<void> {
  for (const namespaces of all) {
    namespaces.end();
    await namespaces.ended;
  }
}

describe.skipIf(missingForCells !== undefined)("namespaces that are on their way", () => {
  let fixture: KernelFixture;
  let before: Census;

  beforeAll(() => {
    fixture = new KernelFixture();
  });

  beforeEach(() => {
    launcherPid();
    before = takeCensus();
  });

  afterAll(() => fixture[Symbol.asyncDispose]());

  const expectNothingLeft = async () => {
    expect(await settledCensus(before)).toEqual(before);
  };

  test("take a process, which is in all of them, with /proc and the host name as they are to be", async () => {
    for (let i = 0; i < 40; i++) {
      const made = fixture.begin({ network: i % 2 === 0, hostname: `h${i}` });
      // Where it is quick, the first process has not said yet what it is called.
      const command =
        "echo $$; hostname; until grep -x aurae-cell /proc/1/comm; do :; done; cat /sys/class/net/lo/carrier";
      const it = await fixture.run(command, { namespaces: made });
      expect(it.stdout.split("\n").slice(0, 3)).toEqual(["2", `h${i}`, "aurae-cell"]);
      if (i % 2 === 0) {
        expect(it.stdout.split("\n")[3]).toBe("1");
      }
      await end(made);
    }
    await expectNothingLeft();
  });

  test("that do not come about are the reason why a process does not, and leave nothing", async () => {
    for (let i = 0; i < 20; i++) {
      const made = fixture.begin({ hostname: TOO_LONG });
      expect(() => fixture.sh("true", { namespaces: made })).toThrow(
        `sethostname "${TOO_LONG}": EINVAL`,
      );
      expect(() => made.settle()).toThrow("sethostname");
      expect((await fixture.run("echo fine")).stdout).toBe("fine\n");
    }
    await expectNothingLeft();
  });

  test("stay where the process does not come about, and take another", async () => {
    const made = fixture.begin();
    expect(() => fixture.sh("", { paths: ["/nope"], namespaces: made })).toThrow(
      'exec "/nope": ENOENT',
    );
    expect((await fixture.run("echo $$", { namespaces: made })).stdout).not.toBe("");
    await end(made);
    await expectNothingLeft();
  });

  test("have others launched in between", async () => {
    const outside = await fixture.run("readlink /proc/self/ns/pid");
    const made = fixture.begin();
    const other = fixture.run("readlink /proc/self/ns/pid");
    const inside = fixture.run("readlink /proc/self/ns/pid", { namespaces: made });
    expect((await other).stdout).toBe(outside.stdout);
    expect((await inside).stdout).not.toBe(outside.stdout);
    const [one, two] = [fixture.begin(), fixture.begin()];
    const names = ["one", "two"].map((name, i) =>
      fixture.run(`echo ${name}; readlink /proc/self/ns/pid /proc/1/ns/pid`, {
        namespaces: i === 0 ? one : two,
      }),
    );
    for (const { stdout } of await Promise.all(names)) {
      const [, own, first] = stdout.split("\n");
      expect(own).toBe(first ?? "");
    }
    await end(made, one, two);
    await expectNothingLeft();
  });

  test("and the process come about though the launcher ends before it sees either", async () => {
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      process.kill(launcherPid(), signal);
      const made = fixture.begin();
      const { stdout } = await fixture.run("echo $$", { namespaces: made });
      expect(stdout).toBe("2\n");
      await end(made);
    }
    await expectNothingLeft();
  }, 20_000);

  test("leave nothing, whenever the launcher is killed", async () => {
    let failed = 0;
    for (let i = 0; i < 80; i++) {
      const killer = Bun.spawn([
        "sh",
        "-c",
        `sleep 0.00${i % 4}${i % 10}; kill -KILL ${launcherPid()}`,
      ]);
      for (let k = 0; k < 6; k++) {
        const made = fixture.begin({ network: k % 2 === 0 });
        try {
          expect((await fixture.run("echo $$", { namespaces: made })).stdout).toMatch(/^\d+\n$/);
        } catch (error) {
          failed += 1;
          expect(String(error)).toMatch(/ECONNRESET|ECHILD|ESRCH/);
        }
        await end(made);
      }
      await killer.exited;
    }
    expect(failed).toBeLessThan(80);
    await expectNothingLeft();
  }, 30_000);

  test("that take long are waited for", async () => {
    const freeze = (value: string) =>
      fixture.kernel.cgroups.write(`${fixture.base}/init`, { file: "cgroup.freeze", value });
    const file = join(fixture.kernel.cgroups.root, fixture.base, "init/cgroup.freeze");
    freeze("1");
    const thaw = Bun.spawn(["sh", "-c", `sleep 0.8; echo 0 >${file}`]);
    try {
      const made = fixture.begin({ hostname: "slow" });
      expect((await fixture.run("hostname", { namespaces: made })).stdout).toBe("slow\n");
      await end(made);
    } finally {
      await thaw.exited;
    }
    await expectNothingLeft();
  });

  test("that nobody was asked for do not have a process born in those of another", async () => {
    const other = fixture.create({ hostname: "other" });
    for (let free = 0; free < 12; free++) {
      using group = fixture.kernel.cgroups.open(`${fixture.base}/init`);
      const request = { process: true, network: false, hostname: "made", cgroup: group };
      let made: KernelCellNamespaces | undefined;
      withFreeDescriptors(free % 6, () => {
        try {
          made = fixture.kernel.namespaces.create(request);
        } catch (error) {
          expect(String(error)).toContain("EMFILE");
        }
      });
      if (made !== undefined) {
        try {
          expect((await fixture.run("hostname", { namespaces: made })).stdout).toBe("made\n");
        } catch (error) {
          expect(String(error)).toContain("EMFILE");
        }
        await end(made);
      }
      if (free === 5) {
        // The other report is the next one's.
        await fixture.run("true");
      }
    }
    await end(other);
    await expectNothingLeft();
  });

  test("are those that were asked for, though an earlier launch had to be begun again in between", async () => {
    const pid = launcherPid();
    process.kill(pid, "SIGKILL");
    await eventually("its end", () => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
    const one = fixture.begin({ hostname: "one" });
    const two = fixture.begin({ hostname: "two" });
    expect((await fixture.run("hostname", { namespaces: two })).stdout).toBe("two\n");
    expect((await fixture.run("hostname", { namespaces: one })).stdout).toBe("one\n");
    await end(one, two);
    await expectNothingLeft();
  });

  test("come about though the launcher is ended by the daemon meanwhile", async () => {
    const one = fixture.begin({ hostname: "one" });
    const two = fixture.begin({ hostname: "two" });
    endLauncher();
    expect((await fixture.run("hostname", { namespaces: one })).stdout).toBe("one\n");
    expect((await fixture.run("hostname", { namespaces: two })).stdout).toBe("two\n");
    await end(one, two);
    await expectNothingLeft();
  });

  test("do not let a process through to the daemon's own when their first process is killed", async () => {
    const own = (await fixture.run("readlink /proc/self/ns/mnt")).stdout;
    for (let i = 0; i < 60; i++) {
      const made = fixture.begin();
      // Whoever is in the machine's root can do that at any moment; here, as soon as it is there.
      const killer = Bun.spawn([
        "sh",
        "-c",
        `sleep 0.000${i % 10}; pkill -KILL -x aurae-cell -P ${process.pid}`,
      ]);
      try {
        const { stdout } = await fixture.run("readlink /proc/self/ns/mnt", { namespaces: made });
        expect(stdout).not.toBe(own);
      } catch (error) {
        expect(String(error)).toMatch(/ESRCH|ENOMEM|ECHILD|EINVAL/);
      }
      await killer.exited;
      await end(made);
    }
    await expectNothingLeft();
  }, 20_000);

  test("are not waited for by who is launched in none", () => {
    const made = fixture.begin();
    const it = launch({
      paths: ["/bin/true"],
      argv: ["true"],
      env: {},
      cwd: "/",
      cgroupNamespace: false,
      stdin: 0,
      stdout: 1,
      stderr: 2,
      noNewPrivileges: false,
      resourceLimits: [],
    });
    expect(it.pid).toBe(it.namespacePid);
    it.pidfd[Symbol.dispose]();
    made.end();
  });
});
