/** Records as they are kept: plain ones, and ones in which every field says something. */
import type { ExecutableRecord } from "../../src/domain/executables/executable-record.ts";
import { executableName } from "../../src/domain/executables/executable-name.ts";
import { executableSpec } from "../../src/domain/executables/executable-spec.ts";
import type { CellRecord } from "../../src/domain/state/state-store.ts";

export function cellRecord(name: string, more: Partial<CellRecord> = {}): CellRecord {
  return {
    ...{ name, state: "allocated", limits: {}, isolateProcess: false, isolateNetwork: false },
    outputMaxBytes: undefined,
    holder: undefined,
    ...more,
  };
}

export function executableRecord(
  name: string,
  more: Partial<ExecutableRecord> = {},
): ExecutableRecord {
  return {
    spec: executableSpec({
      name: executableName(name),
      command: { kind: "shell", line: "true" },
    }),
    state: "running",
    restarts: 0,
    pids: { pid: 5, namespacePid: 2 },
    life: undefined,
    ending: undefined,
    ...more,
  };
}

export const FULL_CELL = cellRecord("a/b", {
  state: "freeing",
  limits: {
    cpu: { weight: 1n, max: 2n, period: 3n, idle: true, burst: 4n },
    cpuset: { cpus: "0-1", mems: "" },
    memory: {
      min: 0n,
      low: 1n,
      high: 2n,
      max: 0xffff_ffff_ffff_ffffn,
      swapMax: 0n,
      oomGroup: true,
    },
    pids: { max: 5n },
    io: { weight: 6n, devices: [{ device: "254:0", readBytes: 7n, writeOperations: 8n }] },
    hugetlb: { max: { "2MB": 9n } },
  },
  isolateProcess: true,
  isolateNetwork: true,
  outputMaxBytes: 1_000_000,
  holder: { pid: 10, startTime: 0x1_0000_0000_0000n },
});

export const FULL_EXECUTABLE = executableRecord("x y", {
  spec: {
    name: executableName("x y"),
    command: { kind: "args", args: ["prog", "", "-ä"] },
    description: "what it is for",
    // What looks like our own marks.
    env: { $int: "no number", $$int: "5", $: "", "": "", __proto__x: "1", 'q"': "\n\0" },
    cwd: "/srv",
    privileges: {
      ...{ user: "nobody", group: "7", supplementaryGroups: ["a"], capabilities: [] },
      ...{ noNewPrivileges: false, seccomp: "default" },
    },
    resourceLimits: { nofile: { soft: 1n, hard: undefined }, core: {} },
    stdin: "terminal",
    stop: { signal: 2, graceMs: 0 },
    restart: {
      ...{ mode: "on-failure", backoffMs: 1, maxBackoffMs: 2, startLimit: 3 },
      startLimitIntervalMs: 4,
    },
    readiness: { kind: "fd", fd: 3, timeoutMs: 5 },
    after: [executableName("b")],
    requires: [executableName("c")],
    healthCheck: {
      ...{ command: "true", intervalMs: 100, timeoutMs: 10, retries: 1, startPeriodMs: 0 },
    },
    oncePerBoot: true,
  },
  state: "restarting",
  restarts: 7,
  life: {
    pid: 5,
    startTime: 0xffff_ffff_ffffn,
    outputs: { stdoutInode: 0n, stderrInode: 0xffff_ffff_ffff_ffffn },
  },
  ending: {
    status: { kind: "signaled", signal: 9 },
    ...{ oomKilled: true, cpuUserUsec: 1n, cpuSystemUsec: 2n, maxRssBytes: 3 },
  },
  notifySocket: "/run/aurae/notify/0.sock",
});
