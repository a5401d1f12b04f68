import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { describe, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import type { ManagedProcess } from "../../src/kernel/process/processes.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { textOf } from "../contract/processes-fixture.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCells } from "./kernel-fixture.ts";
import { kernelOfFile } from "./kernel-of-file.ts";

if (missingForCells === undefined) {
  tests();
} else {
  test.skip(`streams of processes: needs cgroup2 and root (${missingForCells})`, () => undefined);
}

/** Follows what a terminal shows. */
function screenOf(it: ManagedProcess) {
  const screen = { text: "", ended: Promise.resolve() };
  const follow = async () => {
    for await (const chunk of readChunks(it.stdout)) {
      screen.text += Buffer.from(chunk).toString();
    }
  };
  screen.ended = follow();
  return screen;
}

const type = async (it: ManagedProcess, text: string): Promise<void> => {
  await it.stdin?.write(Buffer.from(text));
};

function tests(): void {
  const file = kernelOfFile();

  describe("output", () => {
    test("never blocks a process that writes much, and loses no byte", async () => {
      const { stdout, status } = await file.kernel.run("head -c 20000000 /dev/zero | tr '\\0' x");
      expect(stdout.length).toBe(20_000_000);
      expect(status).toEqual({ kind: "exited", code: 0 });
    });

    test("ends with the last process that holds it, not with the first", async () => {
      const it = file.kernel.sh("(sleep 0.3; echo late) & echo early");
      let hasEnded = false;
      const output = textOf(it.stdout).finally(() => {
        hasEnded = true;
      });
      await it.exited;
      expect(hasEnded).toBe(false);
      expect(await output).toBe("early\nlate\n");
    });

    test("has a reader in the process itself, so that a daemon that is away breaks nothing", async () => {
      const it = file.kernel.sh("read -r line; echo still; echo there >&2; exit $?", {
        stdin: "pipe",
      });
      await Promise.all([it.stdout.close(), it.stderr.close()]);
      await type(it, "go\n");
      expect((await it.exited).status).toEqual({ kind: "exited", code: 0 });
    });
  });

  describe("stdin", () => {
    test("is at its end from the start, if there is none", async () => {
      expect((await file.kernel.run("wc -c")).stdout.trim()).toBe("0");
    });

    test("is a pipe that gives all that is written, as fast as it is read, and then its end", async () => {
      const it = file.kernel.sh("sleep 0.2; wc -c", { stdin: "pipe" });
      const output = textOf(it.stdout);
      const writes = Array.from({ length: 4 }, () => it.stdin?.write(Buffer.alloc(300_000)));
      it.stdin?.end();
      await Promise.all(writes);
      expect((await output).trim()).toBe("1200000");
    });

    test("breaks for whoever writes when nobody reads", async () => {
      const it = file.kernel.sh("exec <&-; echo closed; sleep 60", { stdin: "pipe" });
      const screen = screenOf(it);
      await eventually("the reader's end", () => screen.text === "closed\n");
      expect(type(it, "x")).rejects.toThrow("EPIPE");
      it.signalGroup(9);
      await screen.ended;
    });
  });

  describe("a terminal", () => {
    const terminal = { stdin: "terminal", terminalSize: { rows: 33, columns: 99 } } as const;

    test("is the session's own, with the size that was asked for, and echoes", async () => {
      const it = file.kernel.sh("tty; stty size; tty </dev/tty; read -r x; echo got $x", terminal);
      const screen = screenOf(it);
      await type(it, "hello\n");
      expect((await it.exited).status).toEqual({ kind: "exited", code: 0 });
      await screen.ended;
      expect(screen.text).toMatch(/\/dev\/pts\/\d+\r\n/);
      expect(screen.text).toContain("33 99\r\n");
      expect(screen.text).toContain("hello\r\n");
      expect(screen.text).toContain("got hello\r\n");
    });

    test("tells a change of size", async () => {
      const command = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done";
      const it = file.kernel.sh(command, terminal);
      const screen = screenOf(it);
      await eventually("the trap", () => screen.text.includes("ready"));
      it.resize({ rows: 50, columns: 132 });
      await screen.ended;
      expect(screen.text).toBe("ready\r\n50 132\r\n");
    });

    test("interrupts by control-C, and ends the input by end", async () => {
      const it = file.kernel.sh("cat; echo after; exec cat", terminal);
      const screen = screenOf(it);
      it.stdin?.end();
      await eventually("the end of the input", () => screen.text.includes("after"));
      const other = file.kernel.sh("exec sleep 60", terminal);
      await type(other, "\u0003");
      expect((await other.exited).status).toEqual({ kind: "signaled", signal: 2 });
      it.signalGroup(9);
      await screen.ended;
    });

    test("belongs to the user, who can open it again", async () => {
      const it = file.kernel.sh("echo mine >/dev/tty; echo too >$(tty)", {
        ...terminal,
        uid: 1234,
      });
      expect(await textOf(it.stdout)).toBe("mine\r\ntoo\r\n");
    });

    test("is one in namespaces of a cell as well", async () => {
      const namespaces = file.kernel.create();
      const it = file.kernel.sh("tty >/dev/null && echo yes", { ...terminal, namespaces });
      expect(await textOf(it.stdout)).toBe("yes\r\n");
      namespaces.end();
      await namespaces.ended;
    });
  });

  describe("further descriptors", () => {
    test("get their numbers, whatever numbers their sources have", async () => {
      using version = new FileDescriptor(openSync("/proc/version", "r"));
      using nothing = new FileDescriptor(openSync("/dev/null", "r"));
      const free = openSync("/dev/null", "r");
      closeSync(free);
      // The first two take the number of the other's source; the rest those that copies of later sources would get.
      const descriptors = [
        { from: version, to: nothing.number },
        { from: nothing, to: version.number },
        ...Array.from({ length: 24 }, (_, i) => ({
          from: i % 2 ? nothing : version,
          to: free + 31 - i,
        })),
        { from: version, to: 200 },
      ].map((it) => ({ ...it, to: Math.max(it.to, 3) }));
      const links = descriptors.map(({ to }) => `/proc/self/fd/${to}`).join(" ");
      const { stdout } = await file.kernel.run(`ls /proc/$$/fd; exec readlink ${links}`, {
        descriptors,
      });
      const names = descriptors.map(({ from }) =>
        from === version ? "/proc/version" : "/dev/null",
      );
      const numbers = [0, 1, 2, ...descriptors.map(({ to }) => to)].map(String).sort();
      expect(stdout.trim().split("\n")).toEqual([...numbers, ...names]);
    });

    test("are refused where they can't be", () => {
      using nothing = new FileDescriptor(openSync("/dev/null", "r"));
      const twice = [3, 3].map((to) => ({ from: nothing, to }));
      expect(() => file.kernel.sh("true", { descriptors: twice })).toThrow("once each");
      expect(() => file.kernel.sh("true", { descriptors: [{ from: nothing, to: 2 }] })).toThrow(
        "from 3",
      );
    });
  });
}
