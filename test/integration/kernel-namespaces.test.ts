import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { MountNamespace } from "../harness/mount-namespace.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`KernelNamespaces: needs cgroup2 and root (${missingForCells})`, () => undefined);
}

function tests(): void {
  let mounts: MountNamespace;
  beforeAll(() => {
    mounts = new MountNamespace();
  });
  const file = kernelOfFile();
  afterAll(() => mounts[Symbol.dispose]());

  const output = async (
    command: string,
    namespaces: ReturnType<typeof file.kernel.create>,
  ): Promise<string> => (await file.kernel.run(`exec 2>&1; ${command}`, { namespaces })).stdout;

  const kinds = ["pid", "mnt", "ipc", "uts", "net"];
  const links = (of: string): string =>
    kinds.map((kind) => `readlink /proc/${of}/ns/${kind}`).join("; ");

  describe("a cell with process namespaces", () => {
    test("has its own host name, processes, IPC, and the host's network", async () => {
      const host = await file.kernel.run(links("self"));
      const it = file.kernel.create({ hostname: "web-1" });
      expect(await output("hostname", it)).toBe("web-1\n");
      const seen = await output("cd /proc && ls -d [0-9]* && cat 1/comm", it);
      expect(seen).toMatch(/^1\n(?:\d\n){1,3}aurae-cell\n$/);
      const [inside, outside] = [await output(links("self"), it), host.stdout].map((text) =>
        text.trim().split("\n"),
      );
      expect(kinds.filter((_, i) => inside?.[i] !== outside?.[i])).toEqual([
        "pid",
        "mnt",
        "ipc",
        "uts",
      ]);
    });

    test("keeps its IPC to itself", async () => {
      const it = file.kernel.create();
      const make = await output("ipcmk -Q >/dev/null && ipcs -q | tail -n +4 | grep -c .", it);
      expect(make).toBe("1\n");
      expect(await output("ipcs -q | tail -n +4 | grep -c .", it)).toBe("1\n");
      const host = await file.kernel.run("ipcs -q | tail -n +4 | grep -c .");
      expect(host.stdout).toBe("0\n");
    });

    test("mounts a /proc that can't run, set ids or hold devices, and changes no mount of the host", async () => {
      const before = takeCensus().mounts;
      const it = file.kernel.create();
      const proc = await output("grep ' /proc ' /proc/self/mountinfo | tail -n 1", it);
      expect(proc).toContain("nosuid,nodev,noexec");
      expect(await output("mount -t tmpfs none /mnt && ls -a /mnt", it)).toBe(".\n..\n");
      expect(takeCensus().mounts).toEqual(before);
      const propagation = await output("grep -c shared: /proc/self/mountinfo", it);
      expect(propagation).toBe("0\n");
    });

    test("reaps orphans, also of a double fork", async () => {
      const it = file.kernel.create();
      await output("for i in 1 2 3 4 5; do (sh -c 'sleep 0.05 & exit' &); done; sleep 0.2", it);
      const zombies = await output("grep -l '^State:.*Z' /proc/[0-9]*/status; true", it);
      expect(zombies).toBe("");
    });

    test("is not ended by signals from within, but by SIGKILL from outside, with all in it", async () => {
      const it = file.kernel.create();
      expect(await output("kill -9 1; kill -15 1; kill -1 1; echo alive", it)).toBe("alive\n");
      const lonely = file.kernel.sh("setsid sleep 60 & exec sleep 60", { namespaces: it });
      file.kernel.kernel.processes.signal(it.pid, 15);
      file.kernel.kernel.processes.signal(it.pid, 9);
      expect((await lonely.exited).status).toEqual({ kind: "signaled", signal: 9 });
      await it.ended;
      expect(file.kernel.kernel.cgroups.processes(`${file.kernel.base}/work`)).toEqual([]);
    });

    test("refuses processes once it has ended", async () => {
      const it = file.kernel.create();
      it.end();
      await it.ended;
      expect(() => file.kernel.sh("true", { namespaces: it })).toThrow(
        'setns "namespaces of cell": ESRCH',
      );
    });

    test("refuses processes between the kill and the end, and the daemon's thread stays itself", async () => {
      const it = file.kernel.create();
      const before = takeCensus().namespaces;
      it.end();
      let failure = "";
      await eventually("a refused start", async () => {
        try {
          const started = file.kernel.sh("true", { namespaces: it });
          await started.exited;
          return false;
        } catch (error) {
          failure = String(error);
          return true;
        }
      });
      expect(failure).toMatch(/(clone3 .*ENOMEM|setns .*(ESRCH|EINVAL))$/);
      expect(takeCensus().namespaces).toEqual(before);
    });
  });

  describe("a cell with a network namespace", () => {
    test("has loopback up, and nothing else", async () => {
      const it = file.kernel.create({ process: false, network: true });
      const seen = await output(
        "tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/if_inet6",
        it,
      );
      expect(seen.split("\n")[0]?.trim()).toBe("lo");
      expect(seen).not.toContain("eth");
      expect(await output("cat /proc/net/fib_trie | grep -c 127.0.0.1", it)).not.toBe("0\n");
      expect(it.hasProcessIds).toBe(false);
    });
  });

  describe("nested cells", () => {
    test("see their own processes and those below, to depth 3", async () => {
      const outer = file.kernel.create({ hostname: "outer" });
      const middle = file.kernel.create({ hostname: "middle", parent: outer });
      const inner = file.kernel.create({ hostname: "inner", parent: middle, network: true });
      const count = "set -- /proc/[0-9]*; echo $#; hostname";
      // The shell and the first processes.
      expect(await output(count, inner)).toBe("2\ninner\n");
      expect(await output(count, middle)).toBe("3\nmiddle\n");
      expect(await output(count, outer)).toBe("4\nouter\n");
      expect(await output("grep NSpid /proc/self/status | wc -w", inner)).toBe("2\n");
      const status = readFileSync(`/proc/${inner.pid}/status`, "utf8");
      expect(/^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split("\t").length).toBe(4);
    });

    test("share what they do not unshare with the cell above, not with the host", async () => {
      const outer = file.kernel.create({ hostname: "outer" });
      const inner = file.kernel.create({ process: false, network: true, parent: outer });
      const [above, below] = [
        await output(links("self"), outer),
        await output(links("self"), inner),
      ].map((text) => text.trim().split("\n"));
      expect(kinds.filter((_, i) => above?.[i] !== below?.[i])).toEqual(["net"]);
      expect(await output("hostname", inner)).toBe("outer\n");
    });

    test("keep their mounts to themselves even where those of the cell above are shared", async () => {
      const outer = file.kernel.create();
      await output("mount --make-rshared / && mount -t tmpfs none /mnt", outer);
      const inner = file.kernel.create({ parent: outer });
      expect(await output("mount -t tmpfs none /srv && touch /srv/x && ls /srv", inner)).toBe(
        "x\n",
      );
      expect(await output("ls /srv", outer)).toBe("");
      // What the cell above mounts later comes down.
      expect(await output("mount -t tmpfs none /media && touch /media/y", outer)).toBe("");
      expect(await output("ls /media", inner)).toBe("y\n");
    });

    test("see mounts of the cell above in their own, and keep theirs", async () => {
      const outer = file.kernel.create();
      await output("mount -t tmpfs none /mnt && echo x >/mnt/x", outer);
      const inner = file.kernel.create({ parent: outer });
      expect(await output("ls /mnt; mount -t tmpfs none /mnt; ls /mnt", inner)).toBe("x\n");
      expect(await output("ls /mnt", outer)).toBe("x\n");
    });
  });

  test("a first process is small, is named, and is in a cgroup namespace of its own", async () => {
    const it = file.kernel.create({ hostname: "small" });
    await eventually(
      "its name",
      () => readFileSync(`/proc/${it.pid}/comm`, "utf8") === "aurae-cell\n",
    );
    expect(readFileSync(`/proc/${it.pid}/cmdline`, "utf8")).toBe("aurae-cell\0small\0");
    const rollup = readFileSync(`/proc/${it.pid}/smaps_rollup`, "utf8");
    expect(Number(/^Pss_Anon:\s*(\d+)/m.exec(rollup)?.[1])).toBeLessThanOrEqual(16);
    expect(await output("cat /proc/1/cgroup", it)).toContain("0::/../init\n");
  });
}
