/** The definition of an executable, from the domain's value back to the message it came from. Only for Inspect. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Executable } from "../../domain/executables/executable.ts";
import type {
  ExecutableSpec,
  HealthCheckSpec,
  Privileges,
  Readiness,
  RestartMode as DomainRestartMode,
} from "../../domain/executables/executable-spec.ts";
import {
  ExecutableSchema,
  type ExecutableSummarySchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  type HealthCheckSchema,
  type PrivilegesSchema,
  ReadinessMode,
  type ReadinessSchema,
  RestartMode,
  SeccompProfile,
  StdinMode,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import { executableToProto } from "./executables.ts";

const RESTART_MODES: Readonly<Record<DomainRestartMode, RestartMode>> = {
  never: RestartMode.NEVER,
  "on-failure": RestartMode.ON_FAILURE,
  always: RestartMode.ALWAYS,
};

const STDIN_MODES: Readonly<Record<ExecutableSpec["stdin"], StdinMode>> = {
  null: StdinMode.CLOSED,
  pipe: StdinMode.STREAM,
  terminal: StdinMode.TERMINAL,
};

const SECCOMP_PROFILES: Readonly<Record<NonNullable<Privileges["seccomp"]>, SeccompProfile>> = {
  unconfined: SeccompProfile.UNCONFINED,
  default: SeccompProfile.DEFAULT,
};

function privilegesToProto(privileges: Privileges): MessageInitShape<typeof PrivilegesSchema> {
  const { user, group, supplementaryGroups, capabilities, noNewPrivileges, seccomp } = privileges;
  return {
    user: user ?? "",
    group: group ?? "",
    supplementaryGroups: [...(supplementaryGroups ?? [])],
    ...(capabilities === undefined ? {} : { capabilities: { names: [...capabilities] } }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    seccomp: seccomp === undefined ? SeccompProfile.UNSPECIFIED : SECCOMP_PROFILES[seccomp],
  };
}

function readinessToProto(readiness: Readiness): MessageInitShape<typeof ReadinessSchema> {
  switch (readiness.kind) {
    case "none":
      return { mode: ReadinessMode.NONE };
    case "notify":
      return { mode: ReadinessMode.NOTIFY, timeoutMs: readiness.timeoutMs };
    case "fd":
      return { mode: ReadinessMode.FD, fd: readiness.fd, timeoutMs: readiness.timeoutMs };
  }
}

function healthCheckToProto(check: HealthCheckSpec): MessageInitShape<typeof HealthCheckSchema> {
  const { command, intervalMs, timeoutMs, retries, startPeriodMs } = check;
  return { command, intervalMs, timeoutMs, retries, startPeriodMs };
}

function resourceLimitsToProto(limits: ExecutableSpec["resourceLimits"]) {
  const entries = Object.entries(limits).map(([name, { soft, hard }]) => [
    name,
    { ...(soft === undefined ? {} : { soft }), ...(hard === undefined ? {} : { hard }) },
  ]);
  return Object.fromEntries(entries) as Record<string, { soft?: bigint; hard?: bigint }>;
}

/** What asks for the same executable again. */
export function definitionToProto(spec: ExecutableSpec): MessageInitShape<typeof ExecutableSchema> {
  const { name, command, description, env, cwd, stop, restart, healthCheck, oncePerBoot } = spec;
  return {
    name,
    ...(command.kind === "shell" ? { command: command.line } : { args: [...command.args] }),
    ...{ description, env: { ...env }, workingDirectory: cwd, oncePerBoot },
    privileges: privilegesToProto(spec.privileges),
    resourceLimits: resourceLimitsToProto(spec.resourceLimits),
    stdin: STDIN_MODES[spec.stdin],
    stop: { signal: stop.signal, gracePeriodMs: stop.graceMs },
    restart: { ...restart, mode: RESTART_MODES[restart.mode] },
    readiness: readinessToProto(spec.readiness),
    after: [...spec.after],
    requires: [...spec.requires],
    ...(healthCheck === undefined ? {} : { healthCheck: healthCheckToProto(healthCheck) }),
  };
}

/** An executable as Inspect shows it. */
export function executableWithDefinition(
  executable: Executable,
): MessageInitShape<typeof ExecutableSummarySchema> {
  const definition = create(ExecutableSchema, definitionToProto(executable.spec));
  return { ...executableToProto(executable), definition };
}
