import { describe, expect, test } from "bun:test";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { textOf } from "../contract/processes-fixture.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`KernelProcesses: needs cgroup2 and root (${missingForCells})`, () => undefined);
}

function tests(): void {
  const file = kernelOfFile();

  describe("KernelProcesses.start", () => {
    test("gives argv, the environment and the folder as they are, and nothing else", async () => {
      const { stdout } = await file.kernel.run(
        "pwd; tr '\\0' '\\n' </proc/$$/environ; echo \"$0 $*\"",
        {
          argv: [
            "sh",
            "-c",
            "pwd; tr '\\0' '\\n' </proc/$$/environ; echo \"$0 $*\"",
            "zero",
            "a b",
            "",
          ],
          env: { PATH: "/usr/bin:/bin", GREETING: "hel lo\n" },
          cwd: "/usr",
        },
      );
      expect(stdout).toBe("/usr\nPATH=/usr/bin:/bin\nGREETING=hel lo\n\nzero a b \n");
    });

    test("makes the process lead a session and a group, with no signal blocked or ignored", async () => {
      const { stdout } = await file.kernel.run(
        'read -r stat </proc/$$/stat; set -- $stat; echo "$1 $5 $6"; exec grep -E "^Sig(Blk|Ign)" /proc/self/status',
      );
      const [ids = "", ...masks] = stdout.trim().split("\n");
      const [pid, group, session] = ids.split(" ");
      expect([group, session]).toEqual([pid, pid]);
      expect(masks.map((line) => line.split("\t")[1])).toEqual(Array(2).fill("0".repeat(16)));
    });

    test("hands over no descriptor but the standard ones, and 1024 open files at first", async () => {
      const { stdout } = await file.kernel.run("ls /proc/$$/fd; ulimit -n");
      expect(stdout).toBe("0\n1\n2\n1024\n");
    });

    test("puts a cgroup namespace around its group", async () => {
      expect((await file.kernel.run("cat /proc/self/cgroup")).stdout).toContain("0::/\n");
    });

    test("leaves no descriptor and no zombie after 200 processes", async () => {
      const at = takeCensus();
      for (let i = 0; i < 20; i++) {
        await Promise.all(Array.from({ length: 10 }, () => file.kernel.run("echo x")));
      }
      expect(await settledCensus(at)).toEqual(at);
    });

    test("fails in bounded time where the process can't run: its group is frozen", async () => {
      const { cgroups } = file.kernel.kernel;
      cgroups.write(`${file.kernel.base}/work`, { file: "cgroup.freeze", value: "1" });
      try {
        expect(() => file.kernel.sh("true")).toThrow('wait for exec of "/bin/sh": ETIMEDOUT');
        expect(cgroups.processes(`${file.kernel.base}/work`)).toEqual([]);
      } finally {
        cgroups.write(`${file.kernel.base}/work`, { file: "cgroup.freeze", value: "0" });
      }
    }, 20_000);
  });

  describe("resource limits", () => {
    test("are set, and the standard one stays for what is not named", async () => {
      const { stdout } = await file.kernel.run("ulimit -n; ulimit -c; ulimit -H -c", {
        resourceLimits: [{ resource: 4, soft: 0n, hard: 512n * 1024n }],
      });
      expect(stdout).toBe("1024\n0\n1024\n");
    });

    test("of open files take the place of the standard one", async () => {
      const { stdout } = await file.kernel.run("ulimit -n; ulimit -H -n", {
        resourceLimits: [{ resource: 7, soft: 10n, hard: 20n }],
      });
      expect(stdout).toBe("10\n20\n");
    });
  });

  describe("ManagedProcess", () => {
    test("maxRssBytes tells the most it took, and nothing of what the daemon takes", async () => {
      const large = 64 * 1024 * 1024;
      const it = file.kernel.sh(`head -c ${large} /dev/zero | tail -c ${large} >/dev/null`);
      const small = file.kernel.sh("true");
      expect((await it.exited).maxRssBytes).toBeGreaterThan(large * 0.9);
      const { maxRssBytes } = await small.exited;
      expect(maxRssBytes).toBeGreaterThan(0);
      expect(maxRssBytes).toBeLessThan(16 * 1024 * 1024);
    });

    test("signalGroup reaches the whole group", async () => {
      const it = file.kernel.sh("sleep 60 & wait");
      const output = textOf(it.stdout);
      it.signalGroup(15);
      expect((await it.exited).status).toEqual({ kind: "signaled", signal: 15 });
      expect(await output).toBe("");
    });

    test("500 at once are all seen to end", async () => {
      const many = Array.from({ length: 500 }, () => file.kernel.sh("exit 7"));
      const ends = await Promise.all(many.map(({ exited }) => exited));
      expect(ends.every(({ status }) => status?.kind === "exited" && status.code === 7)).toBe(true);
      await Promise.all(many.flatMap(({ stdout, stderr }) => [stdout.close(), stderr.close()]));
    });
  });
}
