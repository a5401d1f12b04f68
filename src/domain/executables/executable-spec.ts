/** What an executable is to be: its command, who it runs as, and how it is watched over. Plain data, as asked for. */
import { SIGTERM } from "../../kernel/abi/signal.ts";
import type { StdinKind } from "../../kernel/process/processes.ts";
import type { ExecutableName } from "./executable-name.ts";

/** By the shell, or as it is. */
export type Command =
  | { readonly kind: "shell"; readonly line: string }
  | { readonly kind: "args"; readonly args: readonly [string, ...string[]] };

export type SeccompProfile = "unconfined" | "default";

/** What is left out follows from the user. */
export interface Privileges {
  /** By name or number. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly supplementaryGroups?: readonly string[] | undefined;
  /** By name, `CAP_CHOWN`. */
  readonly capabilities?: readonly string[] | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly seccomp?: SeccompProfile | undefined;
}

/** Undefined is without limit. */
export interface NamedLimit {
  readonly soft?: bigint | undefined;
  readonly hard?: bigint | undefined;
}

export interface StopPolicy {
  readonly signal: number;
  readonly graceMs: number;
}

export type RestartMode = "never" | "on-failure" | "always";

export interface RestartPolicy {
  readonly mode: RestartMode;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** 0 for no limit. */
  readonly startLimit: number;
  readonly startLimitIntervalMs: number;
}

/** `none`: as soon as it runs. `timeoutMs` 0 is no limit. */
export type Readiness =
  | { readonly kind: "none" }
  | { readonly kind: "notify"; readonly timeoutMs: number }
  | { readonly kind: "fd"; readonly fd: number; readonly timeoutMs: number };

export interface HealthCheckSpec {
  readonly command: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
}

export interface ExecutableSpec {
  readonly name: ExecutableName;
  readonly command: Command;
  readonly description: string;
  /** Besides what every executable gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly privileges: Privileges;
  /** By the names of `resource-limits.ts`. */
  readonly resourceLimits: Readonly<Record<string, NamedLimit>>;
  readonly stdin: StdinKind;
  readonly stop: StopPolicy;
  readonly restart: RestartPolicy;
  readonly readiness: Readiness;
  readonly after: readonly ExecutableName[];
  readonly requires: readonly ExecutableName[];
  readonly healthCheck: HealthCheckSpec | undefined;
  readonly oncePerBoot: boolean;
}

export const DEFAULT_STOP: StopPolicy = { signal: SIGTERM, graceMs: 10_000 };

export const DEFAULT_RESTART: RestartPolicy = {
  mode: "never",
  backoffMs: 100,
  maxBackoffMs: 60_000,
  startLimit: 5,
  startLimitIntervalMs: 10_000,
};

export const DEFAULT_READY_TIMEOUT_MS = 90_000;

export const DEFAULT_HEALTH_CHECK = {
  intervalMs: 10_000,
  timeoutMs: 5_000,
  retries: 3,
  startPeriodMs: 0,
} as const;

/** A spec with the defaults of everything that is left out. */
export function executableSpec(
  spec: Pick<ExecutableSpec, "name" | "command"> & Partial<ExecutableSpec>,
): ExecutableSpec {
  return {
    description: "",
    env: {},
    cwd: "/",
    privileges: {},
    resourceLimits: {},
    stdin: "null",
    stop: DEFAULT_STOP,
    restart: DEFAULT_RESTART,
    readiness: { kind: "none" },
    after: [],
    requires: [],
    healthCheck: undefined,
    oncePerBoot: false,
    ...spec,
  };
}
