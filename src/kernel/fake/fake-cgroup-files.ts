/**
 * The files of a control group in memory: what they hold in a new group, which writes the kernel refuses, and how it
 * writes down what it takes. For tests. Only as far as the domain relies on it.
 */
import type { ErrnoName } from "../abi/errno.ts";
import type { Controller } from "../cgroup/limits.ts";

/** The machine that the fake stands for. */
const FAKE_CPUS = 4;
export const FAKE_DEVICES: Readonly<Record<string, string>> = { "/dev/vda": "254:0" };

/** The files of each controller in a new group. */
const INITIAL: Readonly<Record<Controller, Readonly<Record<string, string>>>> = {
  cpu: { "cpu.weight": "100", "cpu.max": "max 100000", "cpu.idle": "0", "cpu.max.burst": "0" },
  cpuset: {
    ...{ "cpuset.cpus": "", "cpuset.cpus.effective": `0-${FAKE_CPUS - 1}` },
    ...{ "cpuset.mems": "", "cpuset.mems.effective": "0" },
  },
  memory: {
    ...{ "memory.min": "0", "memory.low": "0", "memory.high": "max", "memory.max": "max" },
    ...{ "memory.swap.max": "max", "memory.oom.group": "0" },
    ...{ "memory.current": "0", "memory.peak": "0", "memory.swap.current": "0" },
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
    "memory.events.local": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
  },
  pids: { "pids.max": "max", "pids.current": "0" },
  io: { "io.weight": "default 100", "io.max": "", "io.stat": "" },
  hugetlb: { "hugetlb.2MB.max": "max", "hugetlb.1GB.max": "max" },
};

/** Files that every group has. */
const COMMON: Readonly<Record<string, string>> = {
  "cpu.stat": "usage_usec 0\nuser_usec 0\nsystem_usec 0",
  ...Object.fromEntries(
    ["cpu", "memory", "io"].map((resource) => [
      `${resource}.pressure`,
      ["some", "full"]
        .map((line) => `${line} avg10=0.00 avg60=0.00 avg300=0.00 total=0`)
        .join("\n"),
    ]),
  ),
};

/** What a new group's file holds; undefined where it has no such file. */
export function initialText(file: string, offered: Iterable<Controller>): string | undefined {
  for (const controller of offered) {
    const text = INITIAL[controller][file];
    if (text !== undefined) {
      return text;
    }
  }
  return COMMON[file];
}

export function fileNames(offered: Iterable<Controller>): string[] {
  return [...Object.keys(COMMON), ...[...offered].flatMap((one) => Object.keys(INITIAL[one]))];
}

/** The texts that a write leaves in files, or the error that the kernel refuses it with. */
export type Effect = Readonly<Record<string, string>> | ErrnoName;

type Read = (file: string) => string;

const isAmount = (text: string): boolean => /^(max|[0-9]{1,20})$/.test(text);
const amount = (text: string): number => (text === "max" ? Number.POSITIVE_INFINITY : Number(text));

function cpuMax(value: string, read: Read): Effect {
  const [quota = "", period = read("cpu.max").split(" ")[1] ?? ""] = value.split(" ");
  const isRefused =
    !isAmount(quota) ||
    amount(quota) < 1000 ||
    !(Number(period) >= 1000 && Number(period) <= 1_000_000) ||
    Number(read("cpu.max.burst")) > amount(quota);
  return isRefused ? "EINVAL" : { "cpu.max": `${quota} ${period}` };
}

function cpuIdle(value: string): Effect {
  return value === "1"
    ? { "cpu.idle": "1", "cpu.weight": "0" }
    : value === "0"
      ? { "cpu.idle": "0", "cpu.weight": "100" }
      : "ERANGE";
}

function cpuWeight(value: string, read: Read): Effect {
  if (!(Number(value) >= 1 && Number(value) <= 10_000)) {
    return "ERANGE";
  }
  return read("cpu.idle") === "1" ? "EINVAL" : { "cpu.weight": value };
}

function cpus(value: string): Effect {
  const numbers = value.split(/[-,]/).filter(Boolean).map(Number);
  return numbers.every((number) => number < FAKE_CPUS) ? { "cpuset.cpus": value } : "EINVAL";
}

function ioMax(value: string, read: Read): Effect {
  const [device = "", ...bounds] = value.split(" ");
  if (!Object.values(FAKE_DEVICES).includes(device)) {
    return "ENODEV";
  }
  if (!bounds.every((bound) => /^(rbps|wbps|riops|wiops)=(max|[1-9][0-9]*)$/.test(bound))) {
    return "EINVAL";
  }
  const others = read("io.max")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(`${device} `));
  const isBound = bounds.some((bound) => !bound.endsWith("=max"));
  return { "io.max": [...others, ...(isBound ? [value] : [])].join("\n") };
}

const RULES: Readonly<Record<string, (value: string, read: Read) => Effect>> = {
  "cpu.max": cpuMax,
  "cpu.idle": cpuIdle,
  "cpu.weight": cpuWeight,
  "cpu.max.burst": (value, read) =>
    Number(value) > amount(read("cpu.max").split(" ")[0] ?? "")
      ? "EINVAL"
      : { "cpu.max.burst": value },
  "cpuset.cpus": cpus,
  "io.max": ioMax,
  "io.weight": (value) => (/^default [0-9]{1,5}$/.test(value) ? { "io.weight": value } : "EINVAL"),
  "memory.oom.group": (value) => (/^[01]$/.test(value) ? { "memory.oom.group": value } : "EINVAL"),
};

/** Takes a write as the kernel does. @param read the texts of the group's files now */
export function writeEffect(file: string, written: string, read: Read): Effect {
  const value = written.trim();
  const rule = RULES[file];
  if (rule !== undefined) {
    return rule(value, read);
  }
  const isLimit = /^(memory|pids|hugetlb)\..*(min|low|high|max)$/.test(file);
  return isLimit && !isAmount(value) ? "EINVAL" : { [file]: value };
}
