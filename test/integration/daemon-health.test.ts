/** Health checks of the daemon on the real kernel: whatever they start ends with them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();

describe.skipIf(missing !== undefined)(`auraed's health checks ${missing ?? ""}`, () => {
  const cellName = `ae-health-${crypto.randomUUID()}`;
  const executableName = "x";
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
    await cells().allocate({ cell: { name: cellName } });
  });

  afterAll(async () => {
    await cells().free({ cellName });
    await daemon.stop();
  });

  const cells = () => daemon.client(CellService);
  const group = () => join(findCgroup2(), cellName, "_/exe.x");
  const runs = () => {
    const path = join(daemon.directory, "runs");
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
  };

  /** Starts one whose check leaves a process of another session behind each time, and takes too long. */
  const start = () =>
    cells().start({
      cellName,
      executable: {
        name: executableName,
        command: "exec sleep 300",
        healthCheck: {
          command: `echo >> ${daemon.directory}/runs; setsid sleep 888 & sleep 30`,
          intervalMs: 100,
          timeoutMs: 100,
        },
      },
    });

  test("leave nothing behind in the executable's group, however often they run", async () => {
    await start();
    await eventually("some checks", () => runs() >= 5);
    // Of the executable, and of no more than one check.
    expect(members(group()).length).toBeLessThanOrEqual(4);
    expect(readdirSync(group()).filter((name) => !name.includes("."))).toBeOneOf([[], ["check"]]);
  });

  test("do not keep an executable from ending", async () => {
    const before = performance.now();
    await cells().stop({ cellName, executableName, gracePeriodMs: 60_000 });
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(existsSync(group())).toBe(false);
  });
});

/** The processes in a control group and below. */
function members(path: string): string[] {
  const own = readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
  const below = join(path, "check");
  return [...own, ...(existsSync(below) ? members(below) : [])];
}
