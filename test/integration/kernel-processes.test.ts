import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { LaunchError } from "../../src/kernel/process/launcher.ts";
import type { ManagedProcess, OutputPipe } from "../../src/kernel/process/processes.ts";

let processes: KernelProcesses;

beforeAll(() => {
  processes = new KernelProcesses();
});

afterAll(() => processes[Symbol.dispose]());

async function text(pipe: OutputPipe): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of pipe.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sh(command: string, options: { uid?: number; gid?: number } = {}): ManagedProcess {
  return processes.start({
    paths: ["/bin/sh"],
    argv: ["sh", "-c", command],
    env: { PATH: "/usr/bin:/bin", GREETING: "hello" },
    cwd: "/",
    ...options,
  });
}

async function run(command: string, options: { uid?: number; gid?: number } = {}) {
  const it = sh(command, options);
  const [stdout, stderr, status] = await Promise.all([text(it.stdout), text(it.stderr), it.exited]);
  return { stdout, stderr, status };
}

/** What this process holds open, anonymous inodes and pipes by kind. */
function descriptors(): string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, "N")];
      } catch {
        return []; // the descriptor of the listing itself
      }
    })
    .sort();
}

describe("KernelProcesses.start", () => {
  test("gives the exit code, and both output streams apart", async () => {
    expect(await run("echo out; echo err >&2; exit 3")).toEqual({
      stdout: "out\n",
      stderr: "err\n",
      status: { kind: "exited", code: 3 },
    });
  });

  test("gives the signal that ended a process", async () => {
    const { status } = await run("kill -9 $$");
    expect(status).toEqual({ kind: "signaled", signal: 9 });
  });

  test("starts in /, with the given environment and nothing else", async () => {
    const { stdout } = await run(
      "pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort",
    );
    expect(stdout).toBe("/\nGREETING=hello\nPATH=/usr/bin:/bin\n");
  });

  test("makes the process lead a session and a group, with no signal blocked or ignored", async () => {
    const { stdout } = await run(
      'read -r stat </proc/$$/stat; set -- $stat; echo "$1 $5 $6"; grep -E "^Sig(Blk|Ign)" /proc/$$/status',
    );
    const [ids = "", ...masks] = stdout.trim().split("\n");
    const [pid, group, session] = ids.split(" ");
    expect([group, session]).toEqual([pid, pid]);
    expect(masks.map((line) => line.split("\t")[1])).toEqual(Array(2).fill("0".repeat(16)));
  });

  test("hands over no descriptor but the standard ones, and 1024 open files at first", async () => {
    const { stdout } = await run("ls /proc/$$/fd; ulimit -n");
    expect(stdout).toBe("0\n1\n2\n1024\n");
  });

  test("gives stdin that is at its end", async () => {
    expect((await run("wc -c")).stdout.trim()).toBe("0");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "runs as the user and the group, without others and without a way back",
    async () => {
      const { stdout } = await run("id -u; id -g; id -G; grep NoNewPrivs /proc/$$/status", {
        uid: 1234,
        gid: 2345,
      });
      expect(stdout).toBe("1234\n2345\n2345\nNoNewPrivs:\t1\n");
    },
  );

  test("names the step and the file when the launch fails, and leaves nothing behind", () => {
    const before = descriptors();
    expect(() => processes.start({ paths: ["/nope"], argv: ["nope"], env: {}, cwd: "/" })).toThrow(
      new LaunchError("exec", 2, "/nope"),
    );
    expect(() =>
      processes.start({ paths: ["/bin/true"], argv: ["true"], env: {}, cwd: "/nope" }),
    ).toThrow('chdir "/nope": ENOENT');
    expect(() =>
      processes.start({ paths: ["/nope", "/proc/version"], argv: ["x"], env: {}, cwd: "/" }),
    ).toThrow("EACCES");
    expect(descriptors().filter((it) => !it.startsWith("pipe:"))).toEqual(
      before.filter((it) => !it.startsWith("pipe:")),
    );
  });

  test("leaves no descriptor and no zombie after 200 processes", async () => {
    await run("true");
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 10 }, () => run("echo x")));
    }
    expect(descriptors()).toEqual(before);
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
    expect(children.trim()).toBe("");
  });

  test("never blocks a child that writes much, and loses no byte", async () => {
    const { stdout, status } = await run("head -c 20000000 /dev/zero | tr '\\0' x");
    expect(stdout.length).toBe(20_000_000);
    expect(status).toEqual({ kind: "exited", code: 0 });
  });
});

describe("KernelProcesses.signal", () => {
  test("signalGroup reaches the whole group, and nothing once the leader is reaped", async () => {
    const it = sh("sleep 60 & wait");
    it.signalGroup(15);
    expect(await it.exited).toEqual({ kind: "signaled", signal: 15 });
    expect(await text(it.stdout)).toBe("");
    expect(processes.owns(it.pid)).toBe(false);
    it.signalGroup(9);
  });

  test("to a process that is gone is no error", async () => {
    const it = sh("true");
    await it.exited;
    processes.signal(it.pid, 15);
    expect(processes.groupOf(it.pid)).toBeUndefined();
  });
});
