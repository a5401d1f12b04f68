import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bashCompletion } from "./bash.ts";
import { loadGroups } from "../groups.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

const GROUPS = await loadGroups();

/** What bash offers after these words, the last being the one under the cursor. */
async function offered(...words: string[]): Promise<string[]> {
  return await offeredIn("/nonexistent", ...words);
}

async function offeredIn(home: string, ...words: string[]): Promise<string[]> {
  const script = `${bashCompletion(GROUPS)}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_aer
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = Bun.spawn(["bash", "--norc", "-euc", script, "bash", "aer", ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    cwd: import.meta.dir,
    env: { PATH: process.env.PATH ?? "", HOME: home },
  });
  const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(errors).toBe("");
  return text.split("\n").filter((line) => line !== "");
}

describe("bashCompletion", () => {
  test("offers groups, then commands, then flags", async () => {
    expect(await offered("")).toEqual(
      "cell discovery health machine observe vm call context completion help".split(" "),
    );
    expect(await offered("he")).toEqual(["health", "help"]);
    expect(await offered("cell", "st")).toEqual(["start", "stop", "status"]);
    expect(await offered("cell", "ex")).toEqual(["exec"]);
    expect(await offered("cell", "lo")).toEqual(["logs"]);
    expect(await offered("cell", "exec", "--")).toEqual(
      expect.arrayContaining(["--interactive", "--tty", "--env", "--user"]),
    );
    expect(await offered("cell", "logs", "--stream", "")).toEqual(["stdout", "stderr", "both"]);
    expect(await offered("vm", "logs", "--stream", "")).toEqual(["console", "serial", "both"]);
    // After -- come the words of somebody else.
    expect(await offered("cell", "exec", "a", "--", "--")).toEqual([]);

    expect(await offered("cell", "allocate", "a", "--memory-m")).toEqual([
      "--memory-min",
      "--memory-max",
    ]);
    expect(await offered("cell", "allocate", "a", "--cell-")).toEqual([]);
    expect(await offered("cell", "start", "--no-c")).toEqual(["--no-cell"]);
    expect(await offered("cell", "list", "--se")).toEqual(["--server-name"]);
    expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("takes a flag's value for no word, and offers the values that make sense", async () => {
    expect(await offered("--socket", "cell", "discovery", "")).toEqual(["discover"]);
    expect(await offered("-o", "json", "hea")).toEqual(["health"]);
    expect(await offered("--output", "")).toEqual(["table", "json"]);
    expect(await offered("-o", "j")).toEqual(["json"]);
    expect(
      await offered("observe", "get-posix-signals-stream", "--workload-workload-type", "c"),
    ).toEqual(["cell"]);
    expect(await offered("observe", "get-posix-signals-stream", "--workload-type", "c")).toEqual([
      "cell",
    ]);
    expect(await offered("--timeout", "")).toEqual([]);
    expect(await offered("cell", "--cell-memory-max", "1G", "allo")).toEqual(["allocate"]);
  });

  test("offers the names of contexts where one is wanted, and methods to call", async () => {
    const home = mkdtempSync(join(tmpdir(), "aurae-completion-"));
    try {
      expect(await offeredIn(home, "context", "use", "")).toEqual(["default"]);
      mkdirSync(join(home, ".aurae/contexts"), { recursive: true });
      for (const name of ["one", "other"]) {
        writeFileSync(join(home, `.aurae/contexts/${name}.toml`), "");
      }
      expect(await offeredIn(home, "context", "use", "o")).toEqual(["one", "other"]);
      expect(await offeredIn(home, "--context", "")).toEqual(["default", "one", "other"]);
      expect(await offeredIn(home, "context", "list", "")).toEqual([]);
      expect(await offeredIn(home, "context", "remove", "--fo")).toEqual(["--force"]);
    } finally {
      rmSync(home, { recursive: true });
    }
    expect(await offered("call", "grpc.health.v1.Health/")).toEqual([
      "grpc.health.v1.Health/Check",
      "grpc.health.v1.Health/Watch",
    ]);
  });

  test("offers files where a flag names one", async () => {
    expect(await offered("--config", "bash.")).toEqual(["bash.ts"]);
    expect(await offered("vm", "allocate", "m", "--kernel-img-path", "fish.")).toEqual(["fish.ts"]);
  });
});

test("zshCompletion and fishCompletion know each command and flag", () => {
  for (const script of [zshCompletion(GROUPS), fishCompletion(GROUPS)]) {
    for (const word of ["get-sub-process-stream", "power-off", "memory-max", "no-cell"]) {
      expect(script).toContain(word);
    }
    expect(script).not.toContain("cell-memory-max");
  }
  // What stands in single quotes must not end them by an apostrophe of its own.
  expect(fishCompletion(GROUPS)).toContain("Left out: the daemon\\'s.");
  expect(zshCompletion(GROUPS)).toContain("Left out\\: the daemon'\\''s.");
  for (const line of fishCompletion(GROUPS).split("\n")) {
    expect(line.replaceAll("\\'", "").split("'").length % 2, line).toBe(1);
  }
});
