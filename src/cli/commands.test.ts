import { describe, expect, test } from "bun:test";
import { SERVICE_GROUPS } from "../client/services.ts";
import { commandsOf, methodKey, pathsOf, pathText, type Command } from "./commands.ts";
import { BYTE_MESSAGES } from "./exceptions.ts";
import { GLOBAL_FLAG_LIST } from "./flags.ts";
import { loadGroups } from "./groups.ts";
import { flagsOf } from "./parse.ts";
import { commandText, flagText } from "./texts.ts";

const GROUPS = await loadGroups();
const commands: readonly Command[] = GROUPS.flatMap(commandsOf);

test("loadGroups has the groups of the API, and loads only those that are named", async () => {
  expect(GROUPS.map(({ name, service }) => ({ name, service }))).toEqual([...SERVICE_GROUPS]);
  expect((await loadGroups(["x", "health", "--cell", "health"])).map(({ name }) => name)).toEqual([
    "health",
  ]);
  expect(await loadGroups([])).toEqual([]);
});

describe("the command tree", () => {
  test("has every group and method of the contract, and ours", () => {
    expect(commands.map(({ group, name }) => `${group} ${name}`)).toEqual([
      "cell allocate",
      "cell free",
      "cell start",
      "cell stop",
      "cell update",
      "cell freeze",
      "cell thaw",
      "cell status",
      "cell wait",
      "cell run",
      "cell events",
      "cell exec",
      "cell attach",
      "cell list",
      "cell inspect",
      "cell logs",
      "cell top",
      "discovery discover",
      "health check",
      "health watch",
      "machine power-off",
      "machine reboot",
      "observe get-aurae-daemon-log-stream",
      "observe get-sub-process-stream",
      "observe get-posix-signals-stream",
      "vm allocate",
      "vm free",
      "vm start",
      "vm stop",
      "vm list",
      "vm inspect",
      "vm pause",
      "vm resume",
      "vm update",
      "vm snapshot",
      "vm restore",
      "vm wait",
      "vm attach",
      "vm events",
      "vm console",
      "vm logs",
    ]);
  });

  test("has no name twice in one command, global flags included", () => {
    for (const command of commands) {
      const names = [...GLOBAL_FLAG_LIST, ...flagsOf(command)].flatMap((flag) => [
        flag.name,
        ...flag.aliases,
        ...(flag.short === undefined ? [] : [`-${flag.short}`]),
      ]);
      expect(names, `${command.group} ${command.name}`).toEqual([...new Set(names)]);
    }
  });
});

describe("the names of flags", () => {
  const flagOf = (where: string, name: string) => {
    const command = commands.find((one) => `${one.group} ${one.name}` === where);
    return command?.flags.find((flag) => [flag.name, ...flag.aliases].includes(name));
  };

  /** The contract's (aurae-v0.md 9.1), each with what is shown in its place. */
  test.each([
    ["cell allocate", "cell-cpu-weight", "cpu-weight"],
    ["cell allocate", "cell-cpu-max", "cpu-max"],
    ["cell allocate", "cell-cpu-period", "cpu-period"],
    ["cell allocate", "cell-cpuset-cpus", "cpuset-cpus"],
    ["cell allocate", "cell-cpuset-mems", "cpuset-mems"],
    ["cell allocate", "cell-memory-min", "memory-min"],
    ["cell allocate", "cell-memory-low", "memory-low"],
    ["cell allocate", "cell-memory-high", "memory-high"],
    ["cell allocate", "cell-memory-max", "memory-max"],
    ["cell allocate", "cell-isolate-process", "isolate-process"],
    ["cell allocate", "cell-isolate-network", "isolate-network"],
    ["cell start", "executable-command", "command"],
    ["cell start", "cmd", "command"],
    ["cell start", "executable-description", "description"],
    ["cell start", "desc", "description"],
    ["cell start", "uid", "uid"],
    ["health check", "service", "service"],
    ["observe get-posix-signals-stream", "workload-workload-type", "workload-type"],
    ["observe get-posix-signals-stream", "workload-id", "workload-id"],
    ["vm allocate", "machine-mem-size-mb", "mem-size-mb"],
    ["vm allocate", "machine-vcpu-count", "vcpu-count"],
    ["vm allocate", "machine-kernel-img-path", "kernel-img-path"],
    ["vm allocate", "machine-kernel-args", "kernel-args"],
    ["vm allocate", "machine-root-drive-image-path", "root-drive-image-path"],
    ["vm allocate", "root-drive-path", "root-drive-image-path"],
    ["vm allocate", "root-drive-readonly", "root-drive-read-only"],
    ["vm allocate", "machine-drive-mounts-fs-type", "drive-mounts-fs-type"],
    ["vm allocate", "drive-mount-vm-path", "drive-mounts-vm-path"],
    ["vm allocate", "machine-auraed-address", "auraed-address"],
  ])("%s takes --%s and shows --%s", (where, name, shown) => {
    expect(flagOf(where, name)?.name).toBe(shown);
  });
});

describe("the exceptions of the groups", () => {
  test("names only methods, fields and messages that exist", () => {
    const extras = GROUPS.flatMap(({ name: group, extras }) =>
      extras.map(({ name, exception }) => [`${group} ${name}`, exception] as const),
    );
    const named = extras.map(([name]) => name);
    const methods = new Map(
      commands
        .filter(({ group, name }) => !named.includes(`${group} ${name}`))
        .map((command) => [methodKey(command.method), command]),
    );
    const messages = new Set<string>();
    const all = [...GROUPS.flatMap(({ exceptions }) => Object.entries(exceptions)), ...extras];
    for (const [key, exception] of all) {
      const command =
        methods.get(key) ?? commands.find(({ group, name }) => `${group} ${name}` === key);
      expect(command, key).toBeDefined();
      const paths = [
        ...command!.flags,
        ...command!.positionals.map(({ flag }) => flag),
        ...(command!.rest === undefined ? [] : [command!.rest]),
      ].map(({ path }) => pathText(path));
      const everyPath = pathsOf(command!.method.input).map(pathText);
      for (const path of exception.omits ?? []) {
        expect(everyPath).toContain(path);
        expect(paths).not.toContain(path);
      }
      for (const path of [exception.rest, ...(exception.exactlyOne?.paths ?? [])]) {
        expect([undefined, ...paths]).toContain(path);
      }
      for (const { path } of exception.positionals ?? []) {
        expect(paths).toContain(path);
      }
      for (const path of Object.keys(exception.flags ?? {})) {
        expect(paths).toContain(path);
      }
    }
    for (const command of commands) {
      for (const { path } of command.flags) {
        messages.add(path.at(-1)!.parent.typeName);
      }
    }
    for (const name of BYTE_MESSAGES) {
      expect(messages).toContain(name);
    }
  });
});

describe("SUMMARIES", () => {
  test("has one for each command and flag", () => {
    for (const command of commands) {
      expect(commandText(command)[0], command.name).not.toBe("");
      for (const flag of flagsOf(command)) {
        expect(flagText(flag), `${command.name} --${flag.name}`).not.toBe("");
      }
    }
  });
});
