import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { AerFixture } from "./aer-fixture.ts";

const MAIN = `${import.meta.dir}/../../src/main/main.ts`;

let fixture: AerFixture;

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: { list: () => ({ cells: [{ cell: { name: "a" } }] }) },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

/** `aer` as a process of its own. */
function spawn(...words: string[]) {
  return Bun.spawn([process.execPath, MAIN, "aer", "--config", fixture.config, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

describe("aer as a process", () => {
  test("writes answers to standard output and ends by itself", async () => {
    const child = spawn("cell", "list");
    expect(await child.stdout.text()).toBe("NAME  PID  STATE  LIMITS OR COMMAND\na\n");
    expect(await child.stderr.text()).toBe("");
    expect(await child.exited).toBe(0);
  });

  test("writes errors to standard error and says by its exit code what happened", async () => {
    const child = spawn("vm", "list");
    expect(await child.stdout.text()).toBe("");
    expect(await child.stderr.text()).toStartWith("aer: vm list: unimplemented: ");
    expect(await child.exited).toBe(10);
  });

  test("ends a stream with 130 at Ctrl-C", async () => {
    const child = spawn("health", "watch");
    for await (const chunk of child.stdout) {
      expect(new TextDecoder().decode(chunk)).toBe("SERVING\n");
      child.kill("SIGINT");
    }
    expect(await child.exited).toBe(130);
    // It ended by itself: a shell shows a process that SIGINT killed by the same number.
    expect(child.signalCode).toBeNull();
    expect(await child.stderr.text()).toBe("");
  });

  test("ends quietly with 141 when nobody reads its output", async () => {
    const { execPath } = process;
    const script = 'exec 3>&1; { "$@"; echo "$?" >&3; } | true';
    // The reader is gone before the answer is there: aer starts a process, true is done at once.
    const child = Bun.spawn(
      [
        "bash",
        "-c",
        script,
        "bash",
        execPath,
        MAIN,
        "aer",
        "--config",
        fixture.config,
        "cell",
        "list",
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    expect(await child.stdout.text()).toBe("141\n");
    expect(await child.stderr.text()).toBe("");
  });

  test.each([
    [">&-", 1, "aer: cell list: write standard output: it is closed\n"],
    ["<&- >&-", 1, "aer: cell list: write standard output: it is closed\n"],
    [">/dev/full", 1, /^aer: cell list: .*ENOSPC/],
    [">/dev/null", 0, ""],
  ] as const)("with %s ends with %i", async (redirection, code, stderr) => {
    const script = `exec "$@" ${redirection}`;
    const words = [process.execPath, MAIN, "aer", "--config", fixture.config, "cell", "list"];
    const child = Bun.spawn(["bash", "-c", script, "bash", ...words], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const text = await child.stderr.text();
    expect(typeof stderr === "string" ? text === stderr : stderr.test(text), text).toBe(true);
    expect(await child.exited).toBe(code);
  });

  test.skipIf(!existsSync("/usr/bin/script"))(
    "colours on a terminal (needs script(1)), not with NO_COLOR",
    async () => {
      const line = `${process.execPath} ${MAIN} aer --config ${fixture.config} cell list`;
      const onTerminal = async (env: Record<string, string>): Promise<string> => {
        const child = Bun.spawn(["script", "-qec", line, "/dev/null"], {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "ignore",
          env: { PATH: process.env.PATH ?? "", TERM: "xterm", ...env },
        });
        return await child.stdout.text();
      };
      expect(await onTerminal({})).toContain("\x1b[1ma");
      expect(await onTerminal({ NO_COLOR: "1" })).not.toContain("\x1b");
    },
  );
});
