/** The launcher as a process: it comes back, it ends with its daemon, and it takes whatever the kernel takes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { launcherPid } from "../../src/kernel/process/launcher.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { KernelFixture, missingForCells } from "./kernel-fixture.ts";

const KIB = 1024;
const ROOT = join(import.meta.dir, "../..");

/** Whether a process runs: one that has ended and was not reaped does not. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // ENOENT, ESRCH: it is gone
  }
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
}

describe.skipIf(missingForCells !== undefined)("the launcher", () => {
  let fixture: KernelFixture;

  beforeAll(() => {
    fixture = new KernelFixture();
  });

  afterAll(() => fixture[Symbol.asyncDispose]());

  test("is started again once it has ended, and the launch does not fail", async () => {
    const before = takeCensus();
    const pid = launcherPid();
    process.kill(pid, "SIGKILL");
    await eventually("its end", () => !isRunning(pid));
    const { stdout } = await fixture.run("echo fine");
    expect(stdout).toBe("fine\n");
    expect(launcherPid()).not.toBe(pid);
    expect(await settledCensus(before)).toEqual(before);
  });

  test("that does nothing is given up, and the next launch has another", async () => {
    const before = takeCensus();
    process.kill(launcherPid(), "SIGSTOP");
    expect(() => fixture.sh("true")).toThrow('wait for exec of "/bin/sh": ETIMEDOUT');
    expect((await fixture.run("echo fine")).stdout).toBe("fine\n");
    expect(await settledCensus(before)).toEqual(before);
  }, 20_000);

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
      // Long enough for a spare one to be there.
      await Bun.sleep(20);
    }
    names.add(readlinkSync("/proc/self/ns/net"));
    expect(names.size).toBe(6);
    const pid = launcherPid();
    expect(childrenOf(pid)).toHaveLength(1);
    await eventually("the end of the spare one", () => childrenOf(pid).length === 0, 10_000);
  }, 20_000);

  test("has loopback up in a spare network namespace as in a new one", async () => {
    for (let i = 0; i < 2; i++) {
      const made = fixture.create({ network: true });
      const { stdout } = await fixture.run("cat /sys/class/net/lo/flags; cat /proc/net/fib_trie", {
        namespaces: made,
      });
      expect(stdout).toContain("127.0.0.1");
      await Bun.sleep(20);
    }
  });

  test("ends with the process that it launches for", async () => {
    const script = `
      const { launcherPid } = await import(${JSON.stringify(join(ROOT, "src/kernel/process/launcher.ts"))});
      console.log(launcherPid());
      await Bun.sleep(60_000);`;
    const daemon = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const { value } = await daemon.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    expect(isRunning(pid)).toBe(true);
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("the launcher's end", () => !isRunning(pid));
  });
});
