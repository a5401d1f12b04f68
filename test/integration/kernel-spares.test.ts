/** Namespaces that end with the daemon: most are there before they are asked for, and nobody can tell. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextTurn } from "../../src/base/next-turn.ts";
import type { KernelCellNamespaces } from "../../src/kernel/namespace/kernel-cell-namespaces.ts";
import { KernelNamespaces } from "../../src/kernel/namespace/kernel-namespaces.ts";
import { endLauncher, launcherPid } from "../../src/kernel/process/launcher.ts";
import { cString, syscall } from "../../src/kernel/sys/syscall.ts";
import { type Census, settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { linesOf } from "../harness/lines.ts";
import { MountNamespace } from "../harness/mount-namespace.ts";
import { isAlive } from "../harness/process-state.ts";
import { holders } from "./holders.ts";
import { KernelFixture, missingForCells } from "./kernel-fixture.ts";

const OWN_GROUP = readFileSync("/proc/self/cgroup", "utf8");

describe.skipIf(missingForCells !== undefined)("namespaces made ahead", () => {
  let mounts: MountNamespace;
  let fixture: KernelFixture;
  let namespaces: KernelNamespaces;
  let before: Census;

  beforeAll(() => {
    // What another test mounts on the host would have what was made ahead thrown away.
    mounts = new MountNamespace();
    fixture = new KernelFixture();
  });
  beforeEach(() => {
    launcherPid();
    before = takeCensus();
    namespaces = new KernelNamespaces(fixture.kernel.processes.watcher);
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
    mounts[Symbol.dispose]();
  });

  const all: KernelCellNamespaces[] = [];
  const take = (hostname: string, network = true): KernelCellNamespaces => {
    const it = namespaces.create({ process: true, network, hostname, endsWithDaemon: true });
    all.push(it);
    return it;
  };

  // Also where a test fails, so that the next one finds none of its.
  afterEach(async () => {
    for (const it of all.splice(0)) {
      it.end();
      await it.ended;
    }
    namespaces[Symbol.dispose]();
    expect(await settledCensus(before)).toEqual(before);
  });

  /** The first process of what the next one who asks gets. */
  const spare = (): Promise<number> => {
    const known = all.map(({ pid }) => pid);
    return eventually("a spare", () => holders().find((pid) => !known.includes(pid)));
  };

  /** Kills the same within a millisecond of its being there, before anybody watches it. */
  const killSoonestSpare = async (): Promise<number> => {
    // Once a process in some has ended, the next ones are made.
    const asks = look(take("asks"));
    for (let turn = 0; turn < 10_000; turn++) {
      const known = all.map(({ pid }) => pid);
      const found = holders().find((pid) => !known.includes(pid));
      if (found !== undefined) {
        process.kill(found, "SIGKILL");
        await asks.catch(() => undefined);
        return found;
      }
      await nextTurn();
    }
    throw new Error("no spare was made");
  };

  const look = async (it: KernelCellNamespaces): Promise<readonly string[]> => {
    const command =
      "echo $$; hostname; until grep -x aurae-cell /proc/1/comm; do :; done; cat /sys/class/net/lo/carrier; readlink /proc/self/ns/net /proc/self/ns/uts";
    const { stdout } = await fixture.run(command, { namespaces: it });
    return stdout.trimEnd().split("\n");
  };

  test("are given out with the host name that was asked for, each once", async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const expected = i === 0 ? undefined : await spare();
      const it = take(`h${i}`);
      const [id, hostname, first, loopback, ...links] = await look(it);
      expect([id, hostname, first, loopback]).toEqual(["2", `h${i}`, "aurae-cell", "1"]);
      expect(links).toHaveLength(2);
      for (const link of links) {
        seen.add(link);
      }
      if (expected !== undefined) {
        expect(it.pid).toBe(expected);
      }
      // The thread that names them is back in its own.
      expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).not.toBe(`h${i}\n`);
      expect(readFileSync(`/proc/${it.pid}/cgroup`, "utf8")).toBe(OWN_GROUP);
    }
    expect(seen.size).toBe(24);
  });

  test("are named by the first process in them, and keep what a later one calls them", async () => {
    take("one");
    await spare();
    const it = take("two");
    const run = async (command: string) => (await fixture.run(command, { namespaces: it })).stdout;
    expect(await run("hostname")).toBe("two\n");
    expect(await run("hostname three; hostname")).toBe("three\n");
    expect(await run("hostname")).toBe("three\n");
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).not.toMatch(/^(two|three|spare)$/m);
  });

  /** What is made for somebody bears the name that he asks for; what is made ahead has none yet. */
  const wasMadeAhead = ({ pid }: KernelCellNamespaces): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8") === "aurae-cell\0";

  test("are made once a process in those before has ended", async () => {
    take("one");
    await spare();
    for (let i = 0; i < 5; i++) {
      const it = take(`h${i}`);
      expect(wasMadeAhead(it)).toBe(true);
      await fixture.run("exit 0", { namespaces: it });
    }
  });

  test("are made also where none is born in those before, or it does not end", async () => {
    take("one");
    await spare();
    const failing = fixture.run("", { namespaces: take("two"), ...fixture.failing() });
    await expect(failing).rejects.toThrow("ENOENT");
    await spare();
    const long = take("three");
    const sleep = fixture.run("exec sleep 60", { namespaces: long });
    await spare();
    long.end();
    await sleep;
  });

  test("are made at once where several are wanted at a time", async () => {
    take("one");
    await spare();
    const sleeps: Promise<unknown>[] = [];
    const start = (hostname: string): boolean => {
      const it = take(hostname);
      sleeps.push(fixture.run("exec sleep 60", { namespaces: it }));
      return wasMadeAhead(it);
    };
    expect([start("two"), start("three")]).toEqual([true, false]);
    await spare();
    expect([start("four"), start("five"), start("six")]).toEqual([true, true, true]);
    for (const it of all) {
      it.end();
    }
    await Promise.all(sleeps);
  });

  test("tell whether something was mounted in them", async () => {
    const first = take("one");
    await spare();
    const plain = take("two");
    await fixture.run("ls /proc", { namespaces: plain });
    await spare();
    const used = take("three");
    await fixture.run("mount -t tmpfs none /tmp", { namespaces: used });
    for (const it of [first, plain, used]) {
      it.end();
    }
    // Of what was not made ahead, nobody looked.
    expect([first, plain, used].map((it) => it.mayHaveMounts)).toEqual([true, false, true]);
  });

  test("are of the kind that was asked for", async () => {
    const one = take("one");
    await spare();
    const other = take("other", false);
    const { stdout } = await fixture.run("hostname; readlink /proc/self/ns/net", {
      namespaces: other,
    });
    const outside = await fixture.run("readlink /proc/self/ns/net");
    expect(stdout).toBe(`other\n${outside.stdout}`);
    expect((await look(one))[4]).not.toBe(outside.stdout.trim());
  });

  test("are not given out once the daemon's mounts have changed", async () => {
    take("one");
    const stale = await spare();
    const folder = mkdtempSync(join(tmpdir(), "aurae-spare-"));
    const tmpfs = cString("tmpfs");
    syscall("mount", folder, tmpfs, cString(folder), tmpfs, 0, null);
    try {
      writeFileSync(join(folder, "here"), "");
      const two = take("two");
      expect(two.pid).not.toBe(stale);
      expect((await fixture.run(`ls ${folder}`, { namespaces: two })).stdout).toBe("here\n");
      const fresh = await spare();
      const three = take("three");
      expect(three.pid).toBe(fresh);
      expect((await fixture.run(`ls ${folder}`, { namespaces: three })).stdout).toBe("here\n");
      expect(isAlive(stale)).toBe(false);
    } finally {
      // They see it, too, and it has to be gone.
      for (const it of all) {
        it.end();
        await it.ended;
      }
      syscall("umount2", folder, cString(folder), 0);
      rmdirSync(folder);
    }
  });

  test("whose first process somebody has ended are replaced, and leave no zombie", async () => {
    take("one");
    const killed = await spare();
    process.kill(killed, "SIGKILL");
    await eventually("its end", () => !isAlive(killed));
    expect((await look(take("two")))[1]).toBe("two");
    await spare();
    const early = await killSoonestSpare();
    await eventually("it to be reaped", () => !existsSync(`/proc/${early}`), 2_000);
    // Where it is found dead, others are made; where it dies with what is to be born in there, that is the reason.
    for (let i = 0; i < 10; i++) {
      await killSoonestSpare();
      const it = take(`n${i}`);
      const seen = await look(it).catch((error: unknown) => String(error));
      const [, hostname = "died with it"] = typeof seen === "string" ? ["", seen] : seen;
      expect(hostname).toMatch(new RegExp(`^n${i}$|^died with it$|ESRCH|ECHILD|ECONNRESET`));
    }
  });

  test("do not hide that a host name is refused", async () => {
    take("one");
    await spare();
    for (let i = 0; i < 3; i++) {
      expect(() => take("x".repeat(65)).settle()).toThrow("sethostname");
      await nextTurn();
    }
  });

  test("are let go of when nobody wants them", async () => {
    const one = take("one");
    await spare();
    const two = take("two");
    const sleep = fixture.run("exec sleep 60", { namespaces: two });
    const waiting = await spare();
    await eventually("their end", () => !isAlive(waiting), 10_000);
    // Nor are others made by an end that nobody has waited for.
    two.end();
    await Promise.all([sleep, two.ended]);
    expect(holders()).toEqual([one.pid]);
    expect(wasMadeAhead(take("three"))).toBe(false);
  }, 15_000);

  test("do not end with a launcher, which is replaced", async () => {
    const taken: KernelCellNamespaces[] = [];
    for (let i = 0; i < 100; i++) {
      const it = take(`h${i}`);
      it.settle();
      taken.push(it);
      // By the end of its socket, too, of which it may hear before it is killed.
      if (i % 2 === 0) {
        endLauncher();
      }
    }
    await nextTurn();
    expect(taken.filter(({ pid }) => !isAlive(pid))).toEqual([]);
  });

  test("end with the daemon, those that were given out and the others", async () => {
    const daemon = Bun.spawn([process.execPath, join(import.meta.dir, "kernel-spares-daemon.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { value } = await linesOf(daemon.stdout).next();
    const pids: number[] = JSON.parse(value ?? "");
    expect(pids).toHaveLength(3);
    expect(pids.filter(isAlive)).toHaveLength(3);
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("their end", () => pids.every((pid) => !isAlive(pid)));
  });
});
