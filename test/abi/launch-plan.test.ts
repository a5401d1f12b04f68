import { expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import {
  DESCRIPTOR,
  LAUNCH,
  LAUNCH_FLAGS,
  LAUNCH_PLAN,
  LAUNCHER,
  MAX_DESCRIPTORS,
  MAX_ROOT_MOUNTS,
  RLIMIT,
  ROOT,
  ROOT_MOUNT,
} from "../../src/kernel/process/launch-plan.ts";
import { LAUNCH_STEPS, STEP_ASK } from "../../src/kernel/process/launch-steps.ts";
import { MAX_SENT } from "../../src/kernel/process/plan-message.ts";
import { layoutFacts, wrongFacts } from "./c-facts.ts";

const PLAN = "ffi/launch_plan.h";

const include = `#include "${inRoot(PLAN)}"`;

function planFacts() {
  const streams: Record<string, string> = {
    stdin: "stdio[0]",
    stdout: "stdio[1]",
    stderr: "stdio[2]",
  };
  const offsets = Object.entries(LAUNCH_PLAN.offsets).map(([name, at]) => [
    streams[name] ?? name,
    at,
  ]);
  return layoutFacts("struct au_launch_plan", {
    size: LAUNCH_PLAN.size,
    offsets: Object.fromEntries(offsets),
  });
}

test("launch-plan.ts lays out what launch_plan.h does", async () => {
  const facts = [
    ...planFacts(),
    ...layoutFacts("struct au_launch", LAUNCH),
    ...layoutFacts("struct au_launcher", LAUNCHER),
    ...layoutFacts("struct au_rlimit", RLIMIT),
    ...layoutFacts("struct au_descriptor", DESCRIPTOR),
    ...layoutFacts("struct au_root", ROOT),
    ...layoutFacts("struct au_root_mount", ROOT_MOUNT),
    { expression: "AU_MAX_ROOT_MOUNTS", value: MAX_ROOT_MOUNTS },
    { expression: "AU_MAX_DESCRIPTORS", value: MAX_DESCRIPTORS },
    { expression: "AU_MAX_SENT", value: MAX_SENT },
    { expression: "AU_STEP_ASK", value: STEP_ASK },
    ...Object.entries(LAUNCH_FLAGS).map(([name, value]) => ({ expression: `AU_${name}`, value })),
  ];
  expect(await wrongFacts([include], facts)).toEqual([]);
});

test("launch-steps.ts has words for each step of launch_plan.h, in its order", async () => {
  const header = await Bun.file(inRoot(PLAN)).text();
  const steps = [...header.matchAll(/\bAU_STEP_(\w+) = (\d+)/g)];
  expect(steps.map(([, , number]) => Number(number))).toEqual([...LAUNCH_STEPS.keys()]);
  const calls = new Map(
    steps.map(([, name, number]) => [name, LAUNCH_STEPS[Number(number)]?.call]),
  );
  expect(Object.fromEntries(calls)).toMatchObject({
    CLONE: "clone3",
    JOIN_MOUNT: "setns",
    HOSTNAME: "sethostname",
    RLIMIT: "prlimit",
    SECCOMP: "seccomp",
    GROUPS: "setgroups",
    GID: "setresgid",
    UID: "setresuid",
    CAPABILITIES: "capset",
    CHDIR: "chdir",
    EXEC: "exec",
    SOURCE: "open_tree",
    ROOT_TREE: "mkdir",
    PIVOT: "pivot_root",
  });
});
