/** The steps of a launch in words: which call failed, and on what (`enum au_launch_step` of `ffi/launch_plan.h`). */
import { CAPABILITIES } from "../abi/capability.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import { RESOURCE_LIMITS } from "./resource-limits.ts";

interface LaunchStep {
  /** As a manual page, or a person, names it. */
  readonly call: string;
  /** What it was done to. Left out: the program. */
  readonly object?: (plan: LaunchPlan, detail: number) => string;
}

function nameIn(table: Readonly<Record<string, number>>, value: number, kind: string): string {
  const found = Object.entries(table).find(([, number]) => number === value);
  return found?.[0] ?? `${kind} ${value}`;
}

const capability = (_: LaunchPlan, detail: number): string =>
  nameIn(CAPABILITIES, detail, "capability");
const sourceOf = ({ root }: LaunchPlan, detail: number): string =>
  root?.mounts[detail]?.source ?? `mount ${detail}`;
const inRoot = (path = ""): string => `/${path} in a new root`;
const ofCell = (kind: string) => (): string => `${kind} namespace of cell`;

/** `AU_STEP_ASK` */
export const STEP_ASK = 1;
/** `AU_STEP_JOIN_PID` */
export const STEP_JOIN_PID = 2;

/** By number. */
export const LAUNCH_STEPS: readonly LaunchStep[] = [
  { call: "none" },
  { call: "ask the launcher for" },
  { call: "setns", object: ofCell("process id") },
  { call: "clone3" },
  { call: "wait for exec of" },
  { call: "setns", object: () => "own process id namespace" },
  { call: "unblock signals of" },
  { call: "setsid" },
  { call: "unshare", object: () => "cgroup namespace" },
  { call: "setns", object: ofCell("mount") },
  { call: "setns", object: ofCell("IPC") },
  { call: "setns", object: ofCell("UTS") },
  { call: "setns", object: ofCell("network") },
  { call: "unshare", object: () => "namespaces in those of the cell above" },
  { call: "make mounts slaves", object: () => "/" },
  { call: "mount", object: () => "/proc" },
  { call: "sethostname", object: (plan) => plan.hostname ?? "" },
  { call: "bring up", object: () => "lo" },
  { call: "set standard streams of" },
  { call: "hand over", object: (_, detail) => `descriptor ${detail}` },
  { call: "close_range" },
  { call: "take the terminal of" },
  { call: "prlimit", object: (_, detail) => nameIn(RESOURCE_LIMITS, detail, "resource") },
  { call: "seccomp" },
  { call: "drop from the bounding set", object: capability },
  { call: "setgroups", object: ({ groups }) => (groups ?? []).join(",") },
  { call: "setresgid", object: ({ gid }) => String(gid) },
  { call: "keep capabilities of" },
  { call: "setresuid", object: ({ uid }) => String(uid) },
  { call: "capset" },
  { call: "raise in the ambient set", object: capability },
  { call: "set no_new_privs of" },
  { call: "chdir", object: ({ cwd }) => cwd },
  { call: "exec" },
  { call: "make mounts private", object: () => "/" },
  { call: "open_tree", object: sourceOf },
  { call: "mount_setattr", object: sourceOf },
  { call: "mount", object: () => "tmpfs of a new root" },
  { call: "mount", object: ({ root }) => `/${root?.proc} in a new root` },
  { call: "mkdir", object: ({ root }, detail) => inRoot(root?.directories[detail]) },
  { call: "move_mount", object: ({ root }, detail) => inRoot(root?.mounts[detail]?.target) },
  { call: "pivot_root", object: () => "/" },
  { call: "mount_setattr", object: () => "/ of a new root" },
  { call: "end before exec of" },
  { call: "tie to the daemon" },
];

/** What failed, for the message of an error. */
export function launchFailure(
  plan: LaunchPlan,
  step: number,
  detail: number,
): { call: string; object: string } {
  const { call, object } = LAUNCH_STEPS[step] ?? { call: `step ${step}` };
  return { call, object: object?.(plan, detail) ?? plan.paths[0] ?? plan.argv.join(" ") };
}
