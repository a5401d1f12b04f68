/** Confined threads: the runtime goes on under the lists of system calls, and what is on none ends the process. */
import { describe, expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();
const WORK = inRoot("test/harness/confined-process.ts");
/** What the program ends with when nothing stops it. */
const WHOLE = 7;
/** `EXIT_CODES.failed` */
const FAILED = 12;
const EACCES = 13;
const ENOTTY = 25;

/** Runs `confined-process.ts`; what it tells the daemon is among its output. */
async function confined(wish: string): Promise<{ code: number; output: string }> {
  const command = ["sh", "-c", 'exec "$0" "$1" "$2" 3>&1', process.execPath, WORK, wish];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const output = await new Response(child.stdout).text();
  return { code: await child.exited, output };
}

const suite = `confined threads${missing === undefined ? "" : ` (need ${missing})`}`;
describe.skipIf(missing !== undefined)(suite, () => {
  test("collect garbage, compile, and end like others", async () => {
    expect(await confined("exit")).toEqual({ code: WHOLE, output: "done\n" });
  }, 30_000);

  test.each([
    ["main:openat", `main -${EACCES}`],
    ["vcpu:openat", `vcpu -${EACCES}`],
    ["devices:unix", expect.stringMatching(/^devices \d+$/)],
    ["vcpu:kvmRun", `vcpu -${ENOTTY}`],
    ["disks:memory", expect.stringMatching(/^disks \d+$/)],
  ])(
    "have their answer from the kernel: %s",
    async (wish, answer) => {
      const { code, output } = await confined(wish);
      expect([code, ...output.trim().split("\n")]).toEqual([WHOLE, answer, "done"]);
    },
    30_000,
  );

  test.each([
    ["main:getpgid", 121],
    ["main:executable", 9],
    ["main:handler", 13],
    ["disks:unix", 41],
    ["devices:inet", 41],
    ["vcpu:kvmCreate", 16],
  ])(
    "end their process by a call that is not theirs, and say which: %s",
    async (wish, call) => {
      const { code, output } = await confined(wish);
      expect(code).toBe(FAILED);
      expect(JSON.parse(output)).toEqual({
        event: "ended",
        end: {
          kind: "failed",
          message: `its monitor made system call ${call}, which is on none of its lists`,
        },
      });
    },
    30_000,
  );
});
