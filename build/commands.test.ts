import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./commands.ts";
import { BuildError } from "./error.ts";
import { inRoot } from "./paths.ts";

test("runCommand names what a command does not take, with how it is used", async () => {
  for (const args of [
    ["initramfs", "--nope"],
    ["start", "extra"],
    ["vm", "--port"],
  ]) {
    const error: unknown = await runCommand(args).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(BuildError);
    expect((error as BuildError).message).toContain(`usage: bun build.ts ${args[0]} [--`);
  }
  await expect(runCommand(["nope"])).rejects.toThrow('no command "nope"');
});

test("initramfs refuses a folder that is no site or no kernel's by one line, before it builds", async () => {
  const empty = mkdtempSync(join(tmpdir(), "auraed-empty-"));
  try {
    for (const [flag, value, message] of [
      ["--site", "/nope", 'read the site "/nope": no such folder'],
      ["--site", empty, `pack the site "${empty}": it has no file pki/ca.crt; copy `],
      [
        "--kernel-modules",
        empty,
        `read the kernel modules in "${empty}": it has no "kernel"; give `,
      ],
    ] as const) {
      const child = Bun.spawn([process.execPath, inRoot("build.ts"), "initramfs", flag, value], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      expect(await child.stdout.text()).toBe("");
      const text = await child.stderr.text();
      expect(text).toStartWith(`auraed: ${message}`);
      expect(text.trimEnd().split("\n")).toHaveLength(1);
      expect(await child.exited).toBe(1);
    }
  } finally {
    rmSync(empty, { recursive: true });
  }
});
