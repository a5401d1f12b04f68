import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AuraeError } from "../../base/errors.ts";
import type { Ending } from "../../domain/executables/ending.ts";
import type { Executable as DomainExecutable } from "../../domain/executables/executable.ts";
import { executableName } from "../../domain/executables/executable-name.ts";
import {
  DEFAULT_HEALTH_CHECK,
  DEFAULT_READY_TIMEOUT_MS,
  DEFAULT_RESTART,
  DEFAULT_STOP,
  executableSpec,
} from "../../domain/executables/executable-spec.ts";
import {
  CellServiceStartRequestSchema,
  CellServiceWaitResponseSchema,
  type ExecutableSchema,
  ExecutableState,
  ExecutableSummarySchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  Health,
  ReadinessMode,
  RestartMode,
  SeccompProfile,
  StdinMode,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import { endingToProto, executableSpecFrom, executableToProto } from "./executables.ts";

type Init = MessageInitShape<typeof ExecutableSchema>;

function specFrom(executable: Init, ids: { uid?: number; gid?: number } = {}) {
  const request = create(CellServiceStartRequestSchema, {
    executable: { name: "x", ...executable },
    ...ids,
  });
  return executableSpecFrom(request.executable!, request);
}

/** The fields that a refusal names. */
function refused(executable: Init): readonly string[] {
  try {
    specFrom(executable);
  } catch (error) {
    if (error instanceof AuraeError && error.kind === "invalid_argument") {
      return error.violations.map(({ field }) => field);
    }
    throw error;
  }
  return ["nothing"];
}

describe("executableSpecFrom", () => {
  test("has the defaults of everything that is left out", () => {
    const spec = executableSpec({
      name: executableName("x"),
      command: { kind: "shell", line: "true" },
    });
    expect(specFrom({ command: "true" })).toEqual(spec);
    expect([spec.stop, spec.restart]).toEqual([DEFAULT_STOP, DEFAULT_RESTART]);
  });

  test("takes over every field", () => {
    const spec = specFrom({
      args: ["prog", "", "-v"],
      description: "what it is for",
      env: { A: "1", B: "" },
      workingDirectory: "/srv",
      privileges: {
        ...{ user: "nobody", group: "7", supplementaryGroups: ["a", "8"], noNewPrivileges: false },
        capabilities: { names: ["CAP_CHOWN"] },
        seccomp: SeccompProfile.UNCONFINED,
      },
      resourceLimits: { nofile: { soft: 1n, hard: 2n }, core: {} },
      stdin: StdinMode.TERMINAL,
      stop: { signal: 2, gracePeriodMs: 0 },
      restart: {
        ...{ mode: RestartMode.ALWAYS, backoffMs: 1, maxBackoffMs: 2, startLimit: 0 },
        startLimitIntervalMs: 3,
      },
      readiness: { mode: ReadinessMode.FD, fd: 9, timeoutMs: 0 },
      after: ["b"],
      requires: ["c", "d"],
      healthCheck: {
        ...{ command: "ok", intervalMs: 100, timeoutMs: 10, retries: 1, startPeriodMs: 5 },
      },
      oncePerBoot: true,
    });
    expect(spec).toEqual({
      name: executableName("x"),
      command: { kind: "args", args: ["prog", "", "-v"] },
      description: "what it is for",
      env: { A: "1", B: "" },
      cwd: "/srv",
      privileges: {
        ...{ user: "nobody", group: "7", supplementaryGroups: ["a", "8"], noNewPrivileges: false },
        ...{ capabilities: ["CAP_CHOWN"], seccomp: "unconfined" },
      },
      resourceLimits: { nofile: { soft: 1n, hard: 2n }, core: {} },
      stdin: "terminal",
      stop: { signal: 2, graceMs: 0 },
      restart: {
        ...{ mode: "always", backoffMs: 1, maxBackoffMs: 2, startLimit: 0 },
        startLimitIntervalMs: 3,
      },
      readiness: { kind: "fd", fd: 9, timeoutMs: 0 },
      after: [executableName("b")],
      requires: [executableName("c"), executableName("d")],
      healthCheck: {
        ...{ command: "ok", intervalMs: 100, timeoutMs: 10, retries: 1, startPeriodMs: 5 },
      },
      oncePerBoot: true,
    });
    expect(
      JSON.stringify(spec, (_, value) => (typeof value === "bigint" ? 0 : value)),
    ).not.toContain("$typeName");
  });

  test("fills up messages that are there and say little", () => {
    const spec = specFrom({
      command: "true",
      stop: {},
      restart: { mode: RestartMode.ON_FAILURE },
      readiness: { mode: ReadinessMode.FD },
      healthCheck: { command: "ok" },
      privileges: { capabilities: {} },
    });
    expect(spec.stop).toEqual(DEFAULT_STOP);
    expect(spec.restart).toEqual({ ...DEFAULT_RESTART, mode: "on-failure" });
    expect(spec.readiness).toEqual({ kind: "fd", fd: 3, timeoutMs: DEFAULT_READY_TIMEOUT_MS });
    expect(spec.healthCheck).toEqual({ command: "ok", ...DEFAULT_HEALTH_CHECK });
    // None is a set, too.
    expect(spec.privileges.capabilities).toEqual([]);
  });

  test("knows every kind of restart, of input, of readiness and of profile", () => {
    const command = "true";
    const modes = [
      RestartMode.UNSPECIFIED,
      RestartMode.NEVER,
      RestartMode.ON_FAILURE,
      RestartMode.ALWAYS,
    ];
    expect(modes.map((mode) => specFrom({ command, restart: { mode } }).restart.mode)).toEqual([
      ...(["never", "never", "on-failure", "always"] as const),
    ]);
    const inputs = [StdinMode.UNSPECIFIED, StdinMode.CLOSED, StdinMode.STREAM, StdinMode.TERMINAL];
    expect(inputs.map((stdin) => specFrom({ command, stdin }).stdin)).toEqual([
      ...(["null", "null", "pipe", "terminal"] as const),
    ]);
    const readinesses = [ReadinessMode.UNSPECIFIED, ReadinessMode.NONE, ReadinessMode.NOTIFY];
    expect(
      readinesses.map((mode) => specFrom({ command, readiness: { mode, timeoutMs: 5 } }).readiness),
    ).toEqual([{ kind: "none" }, { kind: "none" }, { kind: "notify", timeoutMs: 5 }]);
    const profiles = [
      SeccompProfile.UNSPECIFIED,
      SeccompProfile.UNCONFINED,
      SeccompProfile.DEFAULT,
    ];
    expect(
      profiles.map((seccomp) => specFrom({ command, privileges: { seccomp } }).privileges.seccomp),
    ).toEqual([undefined, "unconfined", "default"]);
  });

  test("takes the ids of the request, and names of the privileges before them", () => {
    expect(specFrom({ command: "true" }, { uid: 0, gid: 7 }).privileges).toMatchObject({
      user: "0",
      group: "7",
    });
    const named = { command: "true", privileges: { user: "nobody" } };
    expect(specFrom(named, { uid: 5, gid: 7 }).privileges).toMatchObject({
      user: "nobody",
      group: "7",
    });
    expect(specFrom({ command: "true" }).privileges).toMatchObject({
      user: undefined,
      group: undefined,
    });
  });

  test("wants a command or arguments, and not both", () => {
    expect(refused({})).toEqual(["executable.command"]);
    expect(refused({ command: "a", args: ["b"] })).toEqual(["executable.args"]);
    expect(refused({ args: [""] })).toEqual(["executable.args[0]"]);
  });

  test("refuses NUL characters everywhere where the kernel would end a text at them", () => {
    const command = "true";
    expect(refused({ args: ["a", "b\0"] })).toEqual(["executable.args"]);
    expect(refused({ command, env: { A: "\0" } })).toEqual(["executable.env"]);
    expect(refused({ command, env: { "A\0": "" } })).toEqual(["executable.env"]);
    expect(refused({ command, workingDirectory: "/a\0" })).toEqual([
      "executable.working_directory",
    ]);
    expect(refused({ command, healthCheck: { command: "\0" } })).toEqual([
      "executable.health_check.command",
    ]);
  });

  test("refuses names of variables that are none, each by its name", () => {
    expect(refused({ command: "true", env: { "": "1", "A=B": "2", C: "3" } })).toEqual([
      'executable.env[""]',
      'executable.env["A=B"]',
    ]);
  });

  test("refuses a directory that is not absolute", () => {
    for (const workingDirectory of ["tmp", "./", "../etc"]) {
      expect(refused({ command: "true", workingDirectory })).toEqual([
        "executable.working_directory",
      ]);
    }
  });

  test("refuses names of executables that are none", () => {
    const command = "true";
    for (const bad of [{ name: "a/b" }, { name: ".." }, { after: ["a/b"] }, { requires: ["\n"] }]) {
      expect(() => specFrom({ command, ...bad })).toThrow("executable name");
    }
  });
});

const ENDING: Ending = {
  status: { kind: "exited", code: 3 },
  ...{ oomKilled: false, cpuUserUsec: 1n, cpuSystemUsec: 2n, maxRssBytes: 4_096 },
};

describe("endingToProto", () => {
  const wait = (ending: Ending | undefined) =>
    create(CellServiceWaitResponseSchema, endingToProto(ending));

  test("tells the exit code, or the signal, and what was used", () => {
    expect(wait(ENDING)).toMatchObject({
      exitStatus: { outcome: { case: "exitCode", value: 3 } },
      oomKilled: false,
      usage: { cpuUserUsec: 1n, cpuSystemUsec: 2n, maxRssBytes: 4_096n },
    });
    const killed = { ...ENDING, status: { kind: "signaled", signal: 9 }, oomKilled: true } as const;
    expect(wait(killed)).toMatchObject({
      exitStatus: { outcome: { case: "signal", value: 9 } },
      oomKilled: true,
    });
  });

  test("leaves out what nobody knows", () => {
    expect(wait({ ...ENDING, status: undefined }).exitStatus).toBeUndefined();
    expect(wait(undefined)).toMatchObject({ oomKilled: false });
    expect(wait(undefined).usage).toBeUndefined();
  });
});

describe("executableToProto", () => {
  const summary = (more: Partial<DomainExecutable> = {}) => {
    const spec = executableSpec({
      name: executableName("x"),
      command: { kind: "shell", line: "true" },
      description: "d",
    });
    const plain = { spec, pid: 100, namespacePid: 2, state: "running", restarts: 0 };
    const executable = { ...plain, health: "unknown", statusText: "", ending: undefined, ...more };
    return create(ExecutableSummarySchema, executableToProto(executable as DomainExecutable));
  };

  test("tells of one that runs", () => {
    expect(summary({ restarts: 4, health: "healthy", statusText: "up" })).toMatchObject({
      ...{ name: "x", command: "true", args: [], description: "d", pid: 2, hostPid: 100 },
      ...{ state: ExecutableState.RUNNING, restarts: 4, health: Health.HEALTHY, statusText: "up" },
      oomKilled: false,
    });
    expect(summary().exitStatus).toBeUndefined();
  });

  test("tells arguments in place of a line", () => {
    const spec = executableSpec({
      name: executableName("x"),
      command: { kind: "args", args: ["a", "b"] },
    });
    expect(summary({ spec })).toMatchObject({ command: "", args: ["a", "b"] });
  });

  test("tells how it ended, but not while it is being stopped", () => {
    const ended = { state: "exited", ending: { ...ENDING, oomKilled: true } } as const;
    expect(summary(ended)).toMatchObject({
      exitStatus: { outcome: { case: "exitCode", value: 3 } },
      oomKilled: true,
    });
    expect(summary({ ...ended, state: "stopping" }).exitStatus).toBeUndefined();
    const unseen = summary({ ...ended, ending: { ...ENDING, status: undefined } });
    expect([unseen.exitStatus, unseen.state]).toEqual([undefined, ExecutableState.EXITED]);
  });

  test("has a value for every state and every health", () => {
    const states = ["waiting", "starting", "running", "stopping", "exited", "restarting", "failed"];
    const told = states.map(
      (state) => summary({ state: state as DomainExecutable["state"] }).state,
    );
    expect(told.map((state) => ExecutableState[state])).toEqual(
      states.map((state) => state.toUpperCase()),
    );
    const healths = (["unknown", "healthy", "unhealthy"] as const).map(
      (health) => summary({ health }).health,
    );
    expect(healths).toEqual([Health.UNSPECIFIED, Health.HEALTHY, Health.UNHEALTHY]);
  });
});
