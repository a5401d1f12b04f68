/** `aurae.apply` from a script, against the daemon, for real: cells, executables, --dry-run, and what failure looks like. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestDaemon } from "../harness/daemon.ts";
import { Scripts } from "../harness/script.ts";

let daemon: TestDaemon;
let scripts: Scripts;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  scripts = Scripts.against(daemon);
}, 30_000);
afterAll(async () => {
  scripts[Symbol.dispose]();
  await daemon.stop();
});

const cell = `apply-${process.pid}`;
const SCRIPT = `
  import { apply, cells } from "aurae";
  const [version = "1"] = process.argv.slice(2);
  const plan = await apply({
    cells: [{
      name: "${cell}",
      executables: [
        { name: "web", args: ["sleep", "1000"], requires: ["db"] },
        { name: "db", command: "exec sleep 100" + version },
        { name: "job", command: "true" },
      ],
      cells: [{ name: "inner", isolateProcess: true }],
    }],
  });
  if (!process.argv.includes("--dry-run")) {
    console.log(String(plan));
  }
`;

const lines = (text: string): string[] => text.trimEnd().split("\n");

test("apply makes what is described, leaves it as it is, and restarts what changed", async () => {
  const made = [
    ...[`+ allocate ${cell}`, `+ start    ${cell}: db  (exec sleep 1001)`],
    ...[`+ start    ${cell}: web  (sleep 1000)`, `+ start    ${cell}: job  (true)`],
    ...[`+ allocate ${cell}/inner  (isolate_process = true)`, "plan: 2 to allocate, 3 to start"],
  ];
  const dry = await scripts.runText(SCRIPT, { args: ["1", "--dry-run"] });
  expect([lines(dry.stdout), dry.stderr, dry.code]).toEqual([made, "", 0]);
  const first = await scripts.runText(SCRIPT);
  expect([lines(first.stdout), first.stderr, first.code]).toEqual([made, "", 0]);
  const again = await scripts.runText(SCRIPT);
  expect(again.stdout).toBe("nothing to do: the node is as described\n");
  const changed = await scripts.runText(SCRIPT, { args: ["2"] });
  expect(lines(changed.stdout)).toEqual([
    `- stop     ${cell}: web  (it requires 'db', which is restarted)`,
    `~ restart  ${cell}: db  (command: "exec sleep 1001" -> "exec sleep 1002")`,
    `+ start    ${cell}: web  (it was stopped for 'db')`,
    "plan: 1 to start, 1 to restart, 1 to stop",
  ]);
  expect((await scripts.runText(SCRIPT, { args: ["2"] })).stdout).toStartWith("nothing to do");
}, 60_000);

test("a failure of apply says what was done, and points at the script's line", async () => {
  const text = `import { apply } from "aurae";
    const executables = [{ name: "good", command: "sleep 9" }, { name: "bad", args: ["/nope"] }];
    await apply({ cells: [{ name: "${cell}-half", executables }] });`;
  const { code, stderr } = await scripts.runText(text);
  expect(code).toBe(1);
  const name = `${cell}-half`;
  expect(stderr).toContain(
    `done:\n  + allocate ${name}\n  + start    ${name}: good  (sleep 9)\nfailed:\n  + start    ${name}: bad  (/nope)\n`,
  );
  expect(stderr).toContain("ENOENT");
  expect(stderr).toMatch(/script\.ts:3/);
}, 30_000);

test("a description that can't be right is refused with its place, and exits with 1", async () => {
  const text = `import { apply } from "aurae";
    await apply({ cells: [{ name: "${cell}-no", memory: { maximum: 1 } }] });`;
  const { code, stderr } = await scripts.runText(text);
  expect(code).toBe(1);
  expect(stderr).toContain(`apply: cells[0] "${cell}-no": memory.maximum:`);
  expect(stderr).toMatch(/script\.ts:2/);
}, 30_000);
