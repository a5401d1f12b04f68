/** The launcher as a process: it comes back, it ends with its daemon, and it takes whatever the kernel takes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { RLIMIT_NOFILE } from "../../src/kernel/abi/resource.ts";
import { launcherPid } from "../../src/kernel/process/launcher.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { childrenOf, isAlive } from "../harness/process-state.ts";
import { KernelFixture, missingForCells } from "./kernel-fixture.ts";

const KIB = 1024;
const ROOT = join(import.meta.dir, "../..");

/** The descriptor that spare namespaces come out of (`SPARES` of `ffi/launcher.h`). */
const SPARES = 6;

/** How many wait there: each is two descriptors on their way through a socket, which its fdinfo tells (Linux 5.12). */
function spareCount(pid: number): number {
  const info = readFileSync(`/proc/${pid}/fdinfo/${SPARES}`, "utf8");
  return Number(/^scm_fds:\s*(\d+)$/m.exec(info)?.[1]) / 2;
}

const spareIsThere = () =>
  eventually("a spare network namespace", () => spareCount(launcherPid()) > 0);

describe.skipIf(missingForCells !== undefined)("the launcher", () => {
  let fixture: KernelFixture;

  beforeAll(() => {
    fixture = new KernelFixture();
  });

  afterAll(() => fixture[Symbol.asyncDispose]());

  test("is started again once it has ended, or is about to, and no launch fails for that", async () => {
    const before = takeCensus();
    for (let i = 0; i < 20; i++) {
      const pid = launcherPid();
      process.kill(pid, "SIGKILL");
      if (i % 2 === 0) {
        await eventually("its end", () => !isAlive(pid));
      }
      expect((await fixture.run("echo fine")).stdout).toBe("fine\n");
      expect(launcherPid()).not.toBe(pid);
    }
    expect(await settledCensus(before)).toEqual(before);
  });

  test("that does nothing is replaced, and does not do later what it was asked for", async () => {
    const before = takeCensus();
    const pid = launcherPid();
    process.kill(pid, "SIGSTOP");
    expect((await fixture.run("echo fine")).stdout).toBe("fine\n");
    expect(isAlive(pid)).toBe(false);
    expect(await settledCensus(before)).toEqual(before);
  }, 20_000);

  test("killed at any moment leaves nothing of a launch that failed", async () => {
    const before = takeCensus();
    for (let i = 0; i < 60; i++) {
      // From before the plan is sent until after the program runs.
      const late = `sleep 0.000${i % 10}; kill -KILL ${launcherPid()}`;
      const killer = Bun.spawn(["sh", "-c", late]);
      for (let k = 0; k < 8; k++) {
        try {
          await fixture.run("exit 0");
        } catch (error) {
          expect(String(error)).toContain("ECONNRESET");
        }
      }
      await killer.exited;
    }
    expect(await settledCensus(before)).toEqual(before);
  }, 20_000);

  test("can't be looked into by a process of root's without capabilities", async () => {
    const { stdout } = await fixture.run(
      `head -c 1 /proc/${launcherPid()}/mem 2>&1 | grep -c "Permission denied"`,
      { capabilities: 0n },
    );
    expect(stdout).toBe("1\n");
  });

  test("fails a launch for whose descriptor there is no room, and leaves nothing of it", async () => {
    const before = takeCensus();
    launcherPid();
    const limits = new BigUint64Array(2);
    syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, null, limits);
    const used = readdirSync("/proc/self/fd").length;
    for (let free = 0; free < 16; free++) {
      const low = new BigUint64Array([BigInt(used + free), limits[1] ?? 0n]);
      syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, low, null);
      try {
        await fixture.run("exit 0");
      } catch (error) {
        expect(String(error)).toContain("EMFILE");
      } finally {
        syscall("prlimit64", "open files", 0, RLIMIT_NOFILE, limits, null);
      }
    }
    expect(await settledCensus(before)).toEqual(before);
  });

  test("takes as many arguments as the kernel does, and tells when they are too many", async () => {
    const variables = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`V${i}`, "x".repeat(120 * KIB)]),
    );
    const env = { PATH: "/usr/bin:/bin", ...variables };
    const { stdout } = await fixture.run(`echo \${#V0} \${#V11}`, { env });
    expect(stdout).toBe(`${120 * KIB} ${120 * KIB}\n`);
    const tooMany = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`V${i}`, "x".repeat(120 * KIB)]),
    );
    expect(() => fixture.sh("true", { env: tooMany })).toThrow('exec "/bin/sh": E2BIG');
    expect((await fixture.run("echo fine")).stdout).toBe("fine\n");
  });

  test("makes each network namespace once, and keeps no spare one for long", async () => {
    const names = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const made = fixture.create({ network: true });
      names.add(readlinkSync(`/proc/${made.pid}/ns/net`));
      const { stdout } = await fixture.run("cat /proc/net/dev /proc/net/tcp", { namespaces: made });
      expect(stdout).toContain("lo:");
      await spareIsThere();
    }
    names.add(readlinkSync("/proc/self/ns/net"));
    expect(names.size).toBe(6);
    const pid = launcherPid();
    await eventually("a second spare one", () => spareCount(pid) === 2);
    // Whatever else is launched.
    const kept = performance.now();
    while (spareCount(pid) > 0 && performance.now() - kept < 10_000) {
      await fixture.run("sleep 0.5");
    }
    expect(spareCount(pid)).toBe(0);
    expect(childrenOf(pid)).toEqual([]);
  }, 20_000);

  test("makes a network namespace inside of another one there, with its settings", async () => {
    const outer = fixture.create({ network: true });
    const file = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    const set = await fixture.run(`echo 1024 >${file}; cat ${file}`, { namespaces: outer });
    for (let i = 0; i < 3 && set.stdout === "1024\n"; i++) {
      const inner = fixture.create({ parent: outer, network: true });
      const { stdout } = await fixture.run("cat /proc/sys/net/ipv4/tcp_ehash_entries", {
        namespaces: inner,
      });
      expect(stdout).toBe("1024\n");
      await spareIsThere();
    }
  });

  test("has loopback up in a spare network namespace as in a new one", async () => {
    for (let i = 0; i < 2; i++) {
      const made = fixture.create({ network: true });
      const { stdout } = await fixture.run("cat /sys/class/net/lo/flags; cat /proc/net/fib_trie", {
        namespaces: made,
      });
      expect(stdout).toContain("127.0.0.1");
      await spareIsThere();
    }
  });

  test("is not held up for long by who stops its helpers in a cell, and the cell ends", async () => {
    const before = takeCensus();
    const outer = fixture.create();
    const stopper = fixture.sh("while :; do kill -STOP -1; done", { namespaces: outer });
    for (let i = 0; i < 10; i++) {
      try {
        fixture.create({ parent: outer }).end();
      } catch (error) {
        expect(String(error)).toMatch(/ECHILD|ETIMEDOUT|ESRCH/);
      }
    }
    outer.end();
    await Promise.all([outer.ended, stopper.exited]);
    await Promise.all([stopper.stdout.close(), stopper.stderr.close()]);
    expect(await settledCensus(before)).toEqual(before);
  }, 30_000);

  test("ends with the process that it launches for", async () => {
    const script = `
      const { launcherPid } = await import(${JSON.stringify(join(ROOT, "src/kernel/process/launcher.ts"))});
      console.log(launcherPid());
      await Bun.sleep(60_000);`;
    const daemon = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const { value } = await daemon.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    expect(isAlive(pid)).toBe(true);
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("the launcher's end", () => !isAlive(pid));
  });
});
