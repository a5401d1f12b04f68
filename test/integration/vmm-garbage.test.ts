import { expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import { RUNTIME_ENV } from "../../src/vmm/protocol/runtime-env.ts";
import { run } from "../harness/curl.ts";

const MIB = 1024 * 1024;

test("A monitor's garbage does not grow with its guest's memory", async () => {
  const env = Object.entries(RUNTIME_ENV).map(([name, value]) => `${name}=${value}`);
  const load = ["--smol", inRoot("test/harness/net-load.ts")];
  const { stdout, stderr } = await run(["/usr/bin/env", ...env, process.execPath, ...load]);
  expect(stderr).toBe("");
  // Half a million frames. Without a bound it is more than 100 MiB.
  expect(Number(stdout)).toBeWithin(1, 12 * MIB);
});
