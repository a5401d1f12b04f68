/** Whether what was read back has the form of the records that are kept. */
import {
  type Check,
  count,
  fieldsOf,
  flag,
  int64,
  kinds,
  list,
  map,
  object,
  oneOf,
  optional,
  parsed,
  refuse,
  text,
} from "../base/shape.ts";
import type { CellRecord } from "../domain/state/state-store.ts";
import { CellName } from "../domain/cells/cell-name.ts";
import { executableName } from "../domain/executables/executable-name.ts";
import type { ExecutableRecord } from "../domain/executables/executable-record.ts";

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
