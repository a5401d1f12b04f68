import { describe, expect, test } from "bun:test";
import { AuraeError } from "../../base/errors.ts";
import { FakeAccounts } from "../../kernel/fake/fake-kernel.ts";
import { defaultSeccompFilter } from "../../kernel/process/seccomp-default.ts";
import { executableName } from "./executable-name.ts";
import { type ExecutableSpec, executableSpec, type Privileges } from "./executable-spec.ts";
import { commandOptions, credentialsFrom, optionsFrom, programPaths } from "./launch.ts";

const accounts = new FakeAccounts();
const from = (privileges: Privileges) => credentialsFrom(privileges, accounts);
const options = (more: Partial<ExecutableSpec>, env: Record<string, string> = {}) =>
  optionsFrom(
    executableSpec({
      name: executableName("x"),
      command: { kind: "args", args: ["prog", "-v"] },
      ...more,
    }),
    accounts,
    env,
  );

/** The field that a refusal names. */
function refusedField(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof AuraeError && error.kind === "invalid_argument") {
      expect(error.message).toStartWith(`${error.violations[0]?.field}: `);
      return error.violations[0]?.field;
    }
    throw error;
  }
  return undefined;
}

describe("credentialsFrom", () => {
  test("keeps what the daemon has where nothing is asked for", () => {
    expect(from({})).toEqual({
      uid: undefined,
      gid: undefined,
      groups: undefined,
      capabilities: undefined,
      noNewPrivileges: false,
      seccomp: undefined,
    });
  });

  test("keeps what the daemon has for root, by name or number", () => {
    for (const user of ["root", "0"]) {
      expect(from({ user })).toMatchObject({
        uid: 0,
        gid: 0,
        capabilities: undefined,
        noNewPrivileges: false,
        seccomp: undefined,
      });
    }
  });

  test("gives others no capability, no new privilege, and the default profile", () => {
    for (const user of ["nobody", "65534"]) {
      expect(from({ user })).toEqual({
        uid: 65534,
        gid: 65534,
        groups: undefined,
        capabilities: 0n,
        noNewPrivileges: true,
        seccomp: defaultSeccompFilter(),
      });
    }
  });

  test("takes what is asked for before the defaults, in both directions", () => {
    const loose = { user: "nobody", noNewPrivileges: false, seccomp: "unconfined" } as const;
    expect(from(loose)).toMatchObject({ noNewPrivileges: false, seccomp: undefined });
    const strict = { noNewPrivileges: true, seccomp: "default", capabilities: [] } as const;
    expect(from(strict)).toMatchObject({
      uid: undefined,
      capabilities: 0n,
      noNewPrivileges: true,
      seccomp: defaultSeccompFilter(),
    });
  });

  test("makes a set of the capabilities that are named", () => {
    expect(from({ capabilities: ["CAP_CHOWN"] }).capabilities).toBe(1n);
    expect(from({ capabilities: ["CAP_KILL", "CAP_CHOWN", "CAP_KILL"] }).capabilities).toBe(
      1n | (1n << 5n),
    );
    expect(from({ user: "nobody", capabilities: ["CAP_CHECKPOINT_RESTORE"] }).capabilities).toBe(
      1n << 40n,
    );
  });

  test("takes a group before that of the user, and groups by name or number", () => {
    expect(
      from({ user: "nobody", group: "root", supplementaryGroups: ["nogroup", "7"] }),
    ).toMatchObject({ uid: 65534, gid: 0, groups: [65534, 7] });
    expect(from({ user: "nobody", group: "12" }).gid).toBe(12);
    expect(from({ group: "12" })).toMatchObject({ uid: undefined, gid: 12 });
  });

  test("takes a number that has no account", () => {
    expect(from({ user: "4242" })).toMatchObject({ uid: 4242, gid: undefined, capabilities: 0n });
  });

  test("refuses names that the machine does not have, naming the field", () => {
    const refusals: readonly Privileges[] = [
      { user: "toor" },
      { group: "toor" },
      { supplementaryGroups: ["root", "toor"] },
      { capabilities: ["CAP_MISCHIEF"] },
    ];
    expect(refusals.map((privileges) => refusedField(() => from(privileges)))).toEqual(
      ["user", "group", "supplementary_groups", "capabilities.names"].map(
        (field) => `executable.privileges.${field}`,
      ),
    );
  });

  test("quotes a name that it refuses, so that it can't break a line", () => {
    expect(() => from({ user: "a\nb" })).toThrow('no user "a\\nb"');
  });
});

describe("programPaths", () => {
  test("takes a program with a slash as it is", () => {
    expect(programPaths("/bin/ls", "/usr/bin")).toEqual(["/bin/ls"]);
    expect(programPaths("./ls", "/usr/bin")).toEqual(["./ls"]);
  });

  test("looks in every folder of PATH, in order, and in none that is not absolute", () => {
    expect(programPaths("ls", "/a:/b")).toEqual(["/a/ls", "/b/ls"]);
    expect(programPaths("ls", "/a::.:bin:/b")).toEqual(["/a/ls", "/b/ls"]);
    expect(programPaths("ls", "")).toEqual([]);
  });
});

describe("commandOptions", () => {
  test("has a line run by sh, whatever PATH is", () => {
    expect(commandOptions({ kind: "shell", line: "a | b" }, "")).toEqual({
      paths: ["/bin/sh"],
      argv: ["sh", "-c", "a | b"],
    });
  });
});

describe("optionsFrom", () => {
  test("has the program looked for in the PATH that the executable will have", () => {
    const env = { PATH: "/daemon", LANG: "C" };
    expect(options({}, env)).toMatchObject({ paths: ["/daemon/prog"], argv: ["prog", "-v"], env });
    const own = options({ env: { PATH: "/own", X: "1" } }, env);
    expect(own.paths).toEqual(["/own/prog"]);
    expect(own.env).toEqual({ PATH: "/own", LANG: "C", X: "1" });
  });

  test("names the terminal in the environment where there is one, unless it is named", () => {
    expect(options({ stdin: "terminal" }).env).toEqual({ TERM: "xterm-256color" });
    expect(options({ stdin: "terminal", env: { TERM: "vt100" } }).env).toEqual({ TERM: "vt100" });
    expect(options({ stdin: "pipe" }).env).toEqual({});
  });

  test("hands on the directory and the kind of input", () => {
    expect(options({ cwd: "/srv", stdin: "pipe" })).toMatchObject({ cwd: "/srv", stdin: "pipe" });
    expect(options({})).toMatchObject({ cwd: "/", stdin: "null" });
    expect(options({})).not.toHaveProperty("resourceLimits");
  });

  test("has what is left out of a limit follow from the other bound, or without limit", () => {
    const unlimited = 0xffff_ffff_ffff_ffffn;
    const limits = (soft?: bigint, hard?: bigint) =>
      options({ resourceLimits: { nofile: { soft, hard } } }).resourceLimits;
    const RLIMIT_NOFILE = 7;
    expect(limits(1n, 2n)).toEqual([{ resource: RLIMIT_NOFILE, soft: 1n, hard: 2n }]);
    expect(limits(undefined, 2n)).toEqual([{ resource: RLIMIT_NOFILE, soft: 2n, hard: 2n }]);
    expect(limits(1n)).toEqual([{ resource: RLIMIT_NOFILE, soft: 1n, hard: unlimited }]);
    expect(limits()).toEqual([{ resource: RLIMIT_NOFILE, soft: unlimited, hard: unlimited }]);
    expect(limits(2n, 2n)).toEqual([{ resource: RLIMIT_NOFILE, soft: 2n, hard: 2n }]);
  });

  test("refuses a limit that there is not, naming the field", () => {
    const resourceLimits = { mischief: { soft: 1n } };
    expect(refusedField(() => options({ resourceLimits }))).toBe("executable.resource_limits");
  });

  test("refuses a limit whose soft bound is above the hard one, naming the field", () => {
    const resourceLimits = { nofile: { soft: 2n, hard: 1n } };
    expect(refusedField(() => options({ resourceLimits }))).toBe("executable.resource_limits");
  });

  test("refuses credentials that can't be had", () => {
    expect(refusedField(() => options({ privileges: { user: "toor" } }))).toBe(
      "executable.privileges.user",
    );
  });
});
