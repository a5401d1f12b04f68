/**
 * From what an executable is to be to what the kernel is asked for: names become numbers, and what is left out becomes
 * the default. Root keeps what the daemon has; anybody else gets no capability, no new privilege, and the default
 * seccomp profile.
 */
import { badField } from "../../base/errors.ts";
import type { Accounts } from "../../kernel/process/accounts.ts";
import { capabilityNumber, capabilitySet } from "../../kernel/process/capabilities.ts";
import type { ResourceLimit } from "../../kernel/process/launch-plan.ts";
import type { Credentials, StartOptions } from "../../kernel/process/processes.ts";
import { resourceLimitNumber } from "../../kernel/process/resource-limits.ts";
import { defaultSeccompFilter } from "../../kernel/process/seccomp-default.ts";
import type { Command, ExecutableSpec, NamedLimit, Privileges } from "./executable-spec.ts";

const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** The part of the options that follows from the spec alone. */
export type SpecOptions = Pick<StartOptions, "paths" | "argv" | "cwd" | "env" | "stdin"> &
  Credentials & { readonly resourceLimits?: readonly ResourceLimit[] };

/** @throws {AuraeError} invalid_argument, naming the field, for a name that the machine does not have */
export function credentialsFrom(
  privileges: Privileges,
  accounts: Accounts,
  prefix = "executable.privileges.",
): Credentials {
  const { user, group, supplementaryGroups, capabilities } = privileges;
  const account = user === undefined ? undefined : accounts.user(user);
  if (user !== undefined && account === undefined) {
    throw badField(
      `${prefix}user`,
      `this machine has no user ${JSON.stringify(user)}; see /etc/passwd, or give a number`,
    );
  }
  const groupId = (name: string, field: string): number => {
    const id = accounts.group(name);
    if (id === undefined) {
      throw badField(
        `${prefix}${field}`,
        `this machine has no group ${JSON.stringify(name)}; see /etc/group, or give a number`,
      );
    }
    return id;
  };
  const uid = account?.uid;
  const gid = group === undefined ? account?.gid : groupId(group, "group");
  const isOrdinary = uid !== undefined && uid !== 0;
  const seccomp = privileges.seccomp ?? (isOrdinary ? "default" : "unconfined");
  const set = capabilities ?? (isOrdinary ? [] : undefined);
  const bits = set === undefined ? undefined : capabilitiesFrom(set);
  return {
    uid,
    gid,
    groups: supplementaryGroups?.map((name) => groupId(name, "supplementary_groups")),
    capabilities: bits,
    noNewPrivileges: privileges.noNewPrivileges ?? isOrdinary,
    seccomp: seccomp === "default" ? defaultSeccompFilter(bits) : undefined,
  };
}

function capabilitiesFrom(names: readonly string[]): bigint {
  return capabilitySet(
    names.map((name) => {
      const number = capabilityNumber(name);
      if (number === undefined) {
        throw badField(
          "executable.privileges.capabilities.names",
          `there is no capability ${JSON.stringify(name)}; see capabilities(7)`,
        );
      }
      return number;
    }),
  );
}

function resourceLimitsFrom(limits: Readonly<Record<string, NamedLimit>>): ResourceLimit[] {
  return Object.entries(limits).map(([name, { soft, hard }]) => {
    const resource = resourceLimitNumber(name);
    if (resource === undefined) {
      throw badField(
        "executable.resource_limits",
        `there is no limit ${JSON.stringify(name)}; see getrlimit(2), such as nofile`,
      );
    }
    const most = hard ?? UNLIMITED;
    const limit = { resource, soft: soft ?? most, hard: most };
    if (limit.soft > limit.hard) {
      throw badField("executable.resource_limits", `${name}: soft is above hard`);
    }
    return limit;
  });
}

/** Where a program is looked for: as it is with a slash, else in every folder of PATH (execvp(3)). */
export function programPaths(program: string, path: string): string[] {
  return program.includes("/")
    ? [program]
    : path
        .split(":")
        .filter((folder) => folder.startsWith("/"))
        .map((folder) => `${folder}/${program}`);
}

export function commandOptions(
  command: Command,
  path: string,
): Pick<StartOptions, "paths" | "argv"> {
  return command.kind === "shell"
    ? { paths: ["/bin/sh"], argv: ["sh", "-c", command.line] }
    : { paths: programPaths(command.args[0], path), argv: command.args };
}

/**
 * @param env what every executable gets
 * @throws {AuraeError} invalid_argument, naming the field
 */
export function optionsFrom(
  spec: ExecutableSpec,
  accounts: Accounts,
  env: Readonly<Record<string, string>>,
): SpecOptions {
  const all = { ...env, ...spec.env };
  const limits = resourceLimitsFrom(spec.resourceLimits);
  return {
    ...commandOptions(spec.command, all.PATH ?? ""),
    ...credentialsFrom(spec.privileges, accounts),
    env: spec.stdin === "terminal" ? { TERM: "xterm-256color", ...all } : all,
    cwd: spec.cwd,
    stdin: spec.stdin,
    ...(limits.length === 0 ? {} : { resourceLimits: limits }),
  };
}
