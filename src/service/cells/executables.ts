/** Executables: from messages to the domain's values and back. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AuraeError, type FieldViolation } from "../../base/errors.ts";
import type { Ending } from "../../domain/executables/ending.ts";
import type { Executable as DomainExecutable } from "../../domain/executables/executable.ts";
import { executableName, type ExecutableName } from "../../domain/executables/executable-name.ts";
import {
  type Command,
  DEFAULT_HEALTH_CHECK,
  DEFAULT_READY_TIMEOUT_MS,
  DEFAULT_RESTART,
  DEFAULT_STOP,
  type ExecutableSpec,
  type HealthCheckSpec,
  type Privileges as DomainPrivileges,
  type Readiness as DomainReadiness,
  type RestartMode as DomainRestartMode,
} from "../../domain/executables/executable-spec.ts";
import {
  type CellServiceStartRequest,
  type CellServiceWaitResponseSchema,
  type Executable,
  ExecutableState,
  type ExecutableSummarySchema,
  type ExitStatusSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  Health,
  type HealthCheck,
  type Privileges,
  type Readiness,
  ReadinessMode,
  type ResourceUsageSchema,
  RestartMode,
  SeccompProfile,
  StdinMode,
} from "../../gen/aurae/cells/v0/executables_pb.ts";

const RESTART_MODES: Readonly<Record<RestartMode, DomainRestartMode>> = {
  [RestartMode.UNSPECIFIED]: "never",
  [RestartMode.NEVER]: "never",
  [RestartMode.ON_FAILURE]: "on-failure",
  [RestartMode.ALWAYS]: "always",
};

const STDIN_MODES: Readonly<Record<StdinMode, ExecutableSpec["stdin"]>> = {
  [StdinMode.UNSPECIFIED]: "null",
  [StdinMode.CLOSED]: "null",
  [StdinMode.STREAM]: "pipe",
  [StdinMode.TERMINAL]: "terminal",
};

const SECCOMP_PROFILES: Readonly<Record<SeccompProfile, DomainPrivileges["seccomp"]>> = {
  [SeccompProfile.UNSPECIFIED]: undefined,
  [SeccompProfile.UNCONFINED]: "unconfined",
  [SeccompProfile.DEFAULT]: "default",
};

function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) {
    const message = violations
      .map(({ field, description }) => `${field}: ${description}`)
      .join("; ");
    throw new AuraeError("invalid_argument", message, { violations });
  }
}

function commandFrom({ command, args }: Executable): Command {
  const [program, ...rest] = args;
  if (program === undefined) {
    const field = "executable.command";
    refuse(command === "" ? [{ field, description: "give either this or args" }] : []);
    return { kind: "shell", line: command };
  }
  const field = "executable.args";
  refuse([
    ...(command === "" ? [] : [{ field, description: "give either this or command" }]),
    ...(program === "" ? [{ field: `${field}[0]`, description: "names no program" }] : []),
    ...nulViolations(field, args),
  ]);
  return { kind: "args", args: [program, ...rest] };
}

/** A NUL would end a text early, and what was checked would not be what the kernel sees. */
function nulViolations(field: string, texts: readonly string[]): FieldViolation[] {
  return texts.some((text) => text.includes("\0"))
    ? [{ field, description: "must have no NUL character" }]
    : [];
}

/** @param field of the map, for messages */
export function environmentFrom(
  field: string,
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const bad = Object.keys(env).filter((name) => name === "" || name.includes("="));
  refuse([
    ...bad.map((name) => ({
      field: `${field}[${JSON.stringify(name)}]`,
      description: 'a variable\'s name must not be empty or have a "="',
    })),
    ...nulViolations(field, Object.entries(env).flat()),
  ]);
  return env;
}

export function directoryFrom(field: string, path: string): string {
  refuse([
    ...(path === "" || path.startsWith("/")
      ? []
      : [{ field, description: "must be an absolute path" }]),
    ...nulViolations(field, [path]),
  ]);
  return path === "" ? "/" : path;
}

function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** The ids of the request itself are the original's; a name in the privileges says more. */
/** Who to run as, in the contract's way. */
type RunAs = Pick<CellServiceStartRequest, "uid" | "gid">;

function privilegesFrom(privileges: Privileges | undefined, { uid, gid }: RunAs): DomainPrivileges {
  const user = optional(privileges?.user ?? "") ?? (uid === undefined ? undefined : `${uid}`);
  const group = optional(privileges?.group ?? "") ?? (gid === undefined ? undefined : `${gid}`);
  const groups = privileges?.supplementaryGroups ?? [];
  return {
    user,
    group,
    supplementaryGroups: groups.length === 0 ? undefined : groups,
    capabilities: privileges?.capabilities?.names,
    noNewPrivileges: privileges?.noNewPrivileges,
    seccomp: SECCOMP_PROFILES[privileges?.seccomp ?? SeccompProfile.UNSPECIFIED],
  };
}

function readinessFrom(readiness: Readiness | undefined): DomainReadiness {
  const timeoutMs = readiness?.timeoutMs ?? DEFAULT_READY_TIMEOUT_MS;
  switch (readiness?.mode) {
    case ReadinessMode.NOTIFY:
      return { kind: "notify", timeoutMs };
    case ReadinessMode.FD:
      return { kind: "fd", fd: readiness.fd ?? 3, timeoutMs };
    default:
      return { kind: "none" };
  }
}

/** As plain data: it is kept. */
function resourceLimitsFrom(
  limits: Executable["resourceLimits"],
): ExecutableSpec["resourceLimits"] {
  const entries = Object.entries(limits).map(([name, { soft, hard }]) => [name, { soft, hard }]);
  return Object.fromEntries(entries);
}

function healthCheckFrom(check: HealthCheck): HealthCheckSpec {
  refuse(nulViolations("executable.health_check.command", [check.command]));
  return {
    command: check.command,
    intervalMs: check.intervalMs ?? DEFAULT_HEALTH_CHECK.intervalMs,
    timeoutMs: check.timeoutMs ?? DEFAULT_HEALTH_CHECK.timeoutMs,
    retries: check.retries ?? DEFAULT_HEALTH_CHECK.retries,
    startPeriodMs: check.startPeriodMs ?? DEFAULT_HEALTH_CHECK.startPeriodMs,
  };
}

/** @throws {AuraeError} invalid_argument, naming every bad field of the kind that is looked at first */
export function executableSpecFrom(executable: Executable, request: RunAs): ExecutableSpec {
  const { stop, restart, healthCheck } = executable;
  return {
    name: executableName(executable.name),
    command: commandFrom(executable),
    description: executable.description,
    env: environmentFrom("executable.env", executable.env),
    cwd: directoryFrom("executable.working_directory", executable.workingDirectory),
    privileges: privilegesFrom(executable.privileges, request),
    resourceLimits: resourceLimitsFrom(executable.resourceLimits),
    stdin: STDIN_MODES[executable.stdin],
    stop: {
      signal: stop?.signal ?? DEFAULT_STOP.signal,
      graceMs: stop?.gracePeriodMs ?? DEFAULT_STOP.graceMs,
    },
    restart: {
      mode: RESTART_MODES[restart?.mode ?? RestartMode.UNSPECIFIED],
      backoffMs: restart?.backoffMs ?? DEFAULT_RESTART.backoffMs,
      maxBackoffMs: restart?.maxBackoffMs ?? DEFAULT_RESTART.maxBackoffMs,
      startLimit: restart?.startLimit ?? DEFAULT_RESTART.startLimit,
      startLimitIntervalMs: restart?.startLimitIntervalMs ?? DEFAULT_RESTART.startLimitIntervalMs,
    },
    readiness: readinessFrom(executable.readiness),
    after: namesFrom(executable.after),
    requires: namesFrom(executable.requires),
    healthCheck: healthCheck && healthCheckFrom(healthCheck),
    oncePerBoot: executable.oncePerBoot,
  };
}

const namesFrom = (names: readonly string[]): ExecutableName[] => names.map(executableName);

export function exitStatusToProto(
  status: NonNullable<Ending["status"]>,
): MessageInitShape<typeof ExitStatusSchema> {
  return {
    outcome:
      status.kind === "exited"
        ? { case: "exitCode", value: status.code }
        : { case: "signal", value: status.signal },
  };
}

function usageToProto(ending: Ending): MessageInitShape<typeof ResourceUsageSchema> {
  return {
    cpuUserUsec: ending.cpuUserUsec,
    cpuSystemUsec: ending.cpuSystemUsec,
    maxRssBytes: BigInt(ending.maxRssBytes),
  };
}

/** What Stop and Wait tell of an end. */
export function endingToProto(
  ending: Ending | undefined,
): Omit<MessageInitShape<typeof CellServiceWaitResponseSchema>, "$typeName"> {
  if (ending === undefined) {
    return {};
  }
  return {
    ...(ending.status === undefined ? {} : { exitStatus: exitStatusToProto(ending.status) }),
    oomKilled: ending.oomKilled,
    usage: usageToProto(ending),
  };
}

const STATES: Readonly<Record<DomainExecutable["state"], ExecutableState>> = {
  waiting: ExecutableState.WAITING,
  starting: ExecutableState.STARTING,
  running: ExecutableState.RUNNING,
  stopping: ExecutableState.STOPPING,
  exited: ExecutableState.EXITED,
  restarting: ExecutableState.RESTARTING,
  failed: ExecutableState.FAILED,
};

const HEALTHS: Readonly<Record<DomainExecutable["health"], Health>> = {
  unknown: Health.UNSPECIFIED,
  healthy: Health.HEALTHY,
  unhealthy: Health.UNHEALTHY,
};

export function executableToProto(
  executable: DomainExecutable,
): MessageInitShape<typeof ExecutableSummarySchema> {
  const { spec, state, ending, restarts } = executable;
  const { command } = spec;
  return {
    name: spec.name,
    command: command.kind === "shell" ? command.line : "",
    args: command.kind === "args" ? [...command.args] : [],
    description: spec.description,
    pid: executable.namespacePid,
    hostPid: executable.pid,
    state: STATES[state],
    restarts,
    health: HEALTHS[executable.health],
    statusText: executable.statusText,
    ...(ending === undefined || state === "stopping"
      ? {}
      : {
          oomKilled: ending.oomKilled,
          ...(ending.status === undefined ? {} : { exitStatus: exitStatusToProto(ending.status) }),
        }),
  };
}
