/**
 * Whether what was read back has the form of the records that are kept. It was written by a daemon, but perhaps not by
 * one like this; what has another form would end the daemon somewhere else, much later.
 */
import type { CellRecord } from "../domain/state/state-store.ts";
import { CellName } from "../domain/cells/cell-name.ts";
import { executableName } from "../domain/executables/executable-name.ts";
import type { ExecutableRecord } from "../domain/executables/executable-record.ts";

/** @throws {Error} naming the field that is not as it should be */
type Check = (value: unknown, at: string) => void;

/** A check for every field of T. */
type Fields<T> = { readonly [K in keyof T]-?: Check };

function refuse(at: string, what: string): never {
  throw new Error(`${at} is not ${what}`);
}

const isA =
  (what: string, test: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (!test(value)) {
      refuse(at, what);
    }
  };

const text = isA("a text", (value) => typeof value === "string");
const flag = isA("true or false", (value) => typeof value === "boolean");
const int64 = isA("a 64-bit integer", (value) => typeof value === "bigint" && value >= 0n);
const count = isA(
  "a number from 0 on",
  (value) => typeof value === "number" && value >= 0 && Number.isFinite(value),
);
const oneOf = (...values: readonly string[]): Check =>
  isA(`one of ${values.join(", ")}`, (value) => values.includes(value as string));

const optional =
  (check: Check): Check =>
  (value, at) => {
    if (value !== undefined) {
      check(value, at);
    }
  };

function fieldsOf(value: unknown, at: string): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : refuse(at, "an object");
}

const object =
  <T>(fields: Fields<T>): Check =>
  (value, at) => {
    const all = fieldsOf(value, at);
    for (const [name, check] of Object.entries<Check>(fields)) {
      check(all[name], `${at}.${name}`);
    }
  };

const list =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) {
      refuse(at, "a list");
    }
    for (const [i, item] of (value as readonly unknown[]).entries()) {
      check(item, `${at}[${i}]`);
    }
  };

const map =
  (check: Check): Check =>
  (value, at) => {
    for (const [key, field] of Object.entries(fieldsOf(value, at))) {
      check(field, `${at}[${JSON.stringify(key)}]`);
    }
  };

/** By the field `kind`. */
const kinds =
  (cases: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    const { kind } = fieldsOf(value, at);
    oneOf(...Object.keys(cases))(kind, `${at}.kind`);
    cases[String(kind)]?.(value, at);
  };

const parsed =
  (what: string, parse: (name: string) => unknown): Check =>
  (value, at) => {
    try {
      text(value, at);
      parse(value as string);
    } catch {
      refuse(at, what); // invalid_argument
    }
  };

const name = parsed("the name of an executable", executableName);
const kind: Check = () => undefined;

type Spec = ExecutableRecord["spec"];
type Ending = NonNullable<ExecutableRecord["ending"]>;
type Limits = CellRecord["limits"];
type Of<K extends keyof Limits> = NonNullable<Limits[K]>;
type Device = NonNullable<Of<"io">["devices"]>[number];

const amount = optional(int64);

const limits = object<Limits>({
  cpu: optional(
    object<Of<"cpu">>({
      ...{ weight: amount, max: amount, period: amount, burst: amount, idle: optional(flag) },
    }),
  ),
  cpuset: optional(object<Of<"cpuset">>({ cpus: optional(text), mems: optional(text) })),
  memory: optional(
    object<Of<"memory">>({
      ...{ min: amount, low: amount, high: amount, max: amount, swapMax: amount },
      oomGroup: optional(flag),
    }),
  ),
  pids: optional(object<Of<"pids">>({ max: amount })),
  io: optional(
    object<Of<"io">>({
      weight: amount,
      devices: optional(
        list(
          object<Device>({
            device: text,
            ...{ readBytes: amount, writeBytes: amount },
            ...{ readOperations: amount, writeOperations: amount },
          }),
        ),
      ),
    }),
  ),
  hugetlb: optional(object<Of<"hugetlb">>({ max: optional(map(int64)) })),
});

const cellRecord = object<CellRecord>({
  name: parsed("the name of a cell", CellName.parse),
  state: oneOf("allocating", "allocated", "freeing"),
  limits,
  isolateProcess: flag,
  isolateNetwork: flag,
  outputMaxBytes: optional(count),
  isTransient: optional(flag),
  holder: optional(object<NonNullable<CellRecord["holder"]>>({ pid: count, startTime: int64 })),
});

const command: Check = (value, at) => {
  kinds({
    shell: object<{ line: string }>({ line: text }),
    args: object<{ args: string[] }>({ args: list(text) }),
  })(value, at);
  if ((fieldsOf(value, at).args as readonly string[] | undefined)?.length === 0) {
    refuse(`${at}.args`, "a program with its arguments");
  }
};

const spec = object<Spec>({
  name,
  command,
  description: text,
  env: map(text),
  cwd: text,
  privileges: object<Spec["privileges"]>({
    ...{ user: optional(text), group: optional(text), supplementaryGroups: optional(list(text)) },
    ...{ capabilities: optional(list(text)), noNewPrivileges: optional(flag) },
    seccomp: optional(oneOf("unconfined", "default")),
  }),
  resourceLimits: map(object<Spec["resourceLimits"][string]>({ soft: amount, hard: amount })),
  stdin: oneOf("null", "pipe", "terminal"),
  stop: object<Spec["stop"]>({ signal: count, graceMs: count }),
  restart: object<Spec["restart"]>({
    mode: oneOf("never", "on-failure", "always"),
    ...{ backoffMs: count, maxBackoffMs: count, startLimit: count, startLimitIntervalMs: count },
  }),
  readiness: kinds({
    none: kind,
    notify: object<{ timeoutMs: number }>({ timeoutMs: count }),
    fd: object<{ fd: number; timeoutMs: number }>({ fd: count, timeoutMs: count }),
  }),
  after: list(name),
  requires: list(name),
  healthCheck: optional(
    object<NonNullable<Spec["healthCheck"]>>({
      command: text,
      ...{ intervalMs: count, timeoutMs: count, retries: count, startPeriodMs: count },
    }),
  ),
  oncePerBoot: flag,
});

const exitStatus = kinds({
  exited: object<{ code: number }>({ code: count }),
  signaled: object<{ signal: number }>({ signal: count }),
});

const executableRecord = object<ExecutableRecord>({
  spec,
  state: oneOf(
    ...(["launching", "waiting", "starting", "running"] as const),
    ...(["stopping", "exited", "restarting", "failed"] as const),
  ),
  restarts: count,
  pids: object<ExecutableRecord["pids"]>({ pid: count, namespacePid: count }),
  life: optional(
    object<NonNullable<ExecutableRecord["life"]>>({
      pid: count,
      startTime: int64,
      outputs: object<{ stdoutInode: bigint; stderrInode: bigint }>({
        ...{ stdoutInode: int64, stderrInode: int64 },
      }),
    }),
  ),
  ending: optional(
    object<Ending>({
      status: optional(exitStatus),
      ...{ oomKilled: flag, cpuUserUsec: int64, cpuSystemUsec: int64, maxRssBytes: count },
    }),
  ),
  notifySocket: optional(text),
});

/** @throws {Error} naming the field that is not as it should be */
export function checkCellRecord(value: unknown): CellRecord {
  cellRecord(value, "the record of a cell");
  return value as CellRecord;
}

/** @throws {Error} naming the field that is not as it should be */
export function checkExecutableRecord(value: unknown): ExecutableRecord {
  executableRecord(value, "the record of an executable");
  return value as ExecutableRecord;
}
