import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CellServiceAllocateRequest } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { aer, AerFixture, configText } from "./aer-fixture.ts";

let fixture: AerFixture;
let allocated: CellServiceAllocateRequest[] = [];

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      allocate: (request) => {
        allocated.push(request);
        return { cellName: request.cell?.name ?? "", cgroupV2: true };
      },
      list: () => ({
        cells: [{ cell: { name: "web" }, children: [{ cell: { name: "web/db" } }] }],
      }),
      stop: () => ({ exitStatus: { outcome: { case: "exitCode", value: 3 } } }),
      free: ({ cellName }) => {
        throw new ConnectError(cellName, Code[cellName as keyof typeof Code]);
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

describe("aer answers", () => {
  test("discovery discover as a table and as JSON", async () => {
    expect(await fixture.aer(["discovery", "discover"])).toEqual({
      code: 0,
      stdout: "healthy  true\nversion  1.2.3\n",
      stderr: "",
    });
    const { stdout } = await fixture.aer(["discovery", "discover", "-o", "json"]);
    expect(JSON.parse(stdout)).toEqual({ healthy: true, version: "1.2.3" });
  });

  test("cell allocate, which sends only what was said", async () => {
    allocated = [];
    const words = "cell allocate web --cpu-weight 2 --cell-memory-max 64M";
    expect(await fixture.aer(words.split(" "))).toMatchObject({ code: 0, stderr: "" });
    expect(allocated).toHaveLength(1);
    const { cell } = allocated[0]!;
    expect(cell?.cpu?.weight).toBe(2n);
    expect(cell?.memory?.max).toBe(67_108_864n);
    expect(cell?.cpuset).toBeUndefined();
  });

  test("cell list as a tree, cell stop as how it ended", async () => {
    const list = await fixture.aer(["cell", "list"]);
    expect(list.stdout).toBe("NAME       PID  STATE  LIMITS OR COMMAND\nweb\n`- web/db\n");
    expect(await fixture.aer(["cell", "stop", "web", "a"])).toMatchObject({
      code: 0,
      stdout: "exited 3\n",
    });
  });

  test("over TCP too", async () => {
    const words = ["--socket", `127.0.0.1:${fixture.server.port}`, "health", "check"];
    expect(await fixture.aer(words)).toMatchObject({ code: 0, stdout: "SERVING\n" });
  });

  test("where the configuration under HOME says, with PEM files of the command line", async () => {
    const home = join(fixture.server.directory, "socket-home");
    mkdirSync(join(home, ".aurae"), { recursive: true });
    const { port, caFile, admin } = fixture.server;
    writeFileSync(join(home, ".aurae/config"), `[system]\nsocket = "127.0.0.1:${port}"\n`);
    const words = ["health", "check", "--ca-crt", caFile, ...fixture.as(admin)];
    expect(await aer(words, { env: { HOME: home } })).toMatchObject({ code: 0, stderr: "" });
  });

  test("with the configuration found under HOME", async () => {
    const home = join(fixture.server.directory, "home");
    mkdirSync(join(home, ".aurae"), { recursive: true });
    const { server } = fixture;
    const text = configText(server, server.admin).replaceAll(server.directory, "~/..");
    writeFileSync(join(home, ".aurae/config"), text);
    expect(await aer(["health", "check"], { env: { HOME: home } })).toMatchObject({ code: 0 });
  });
});

describe("aer health", () => {
  const service = "aurae.cells.v0.CellService";

  test("check exits 0 for SERVING only", async () => {
    expect(await fixture.aer(["health", "check", "--service", service])).toMatchObject({ code: 0 });
    fixture.server.health.set(service, Status.NOT_SERVING);
    expect(await fixture.aer(["health", "check", "--service", service])).toMatchObject({
      code: 1,
      stdout: "NOT_SERVING\n",
    });
    fixture.server.health.set(service, Status.SERVING);
    expect(await fixture.aer(["health", "check", "--service", "none"])).toMatchObject({ code: 3 });
  });

  test("watch writes each change as it comes, and ends with 130 when interrupted", async () => {
    const interrupt = new AbortController();
    const result = await fixture.aer(["health", "watch", "--service", service, "-o", "json"], {
      signal: interrupt.signal,
      onStdout: (text) => {
        if (text.includes('"SERVING"')) {
          fixture.server.health.set(service, Status.NOT_SERVING);
        } else {
          interrupt.abort();
        }
      },
    });
    expect(result).toEqual({
      code: 130,
      stdout: '{"status":"SERVING"}\n{"status":"NOT_SERVING"}\n',
      stderr: "",
    });
    fixture.server.health.set(service, Status.SERVING);
  });

  test("watch ends with 9 at its deadline", async () => {
    const result = await fixture.aer(["health", "watch", "--timeout", "200ms"]);
    expect(result).toMatchObject({ code: 9, stdout: "SERVING\n" });
    expect(result.stderr).toStartWith("aer: health watch: deadline exceeded");
  });
});

describe("aer tells what went wrong", () => {
  test("one line for each bad field, exit 5", async () => {
    const words = "cell allocate web_1 --cell-cpu-weight 0 --cell-cpu-period 1";
    const { code, stdout, stderr } = await fixture.aer(words.split(" "));
    expect(code).toBe(5);
    expect(stdout).toBe("");
    const lines = stderr.trimEnd().split("\n");
    expect(lines.map((line) => line.split(":").slice(0, 4).join(":")).sort()).toEqual([
      "aer: cell allocate: invalid argument: cell.cpu.period",
      "aer: cell allocate: invalid argument: cell.cpu.weight",
      "aer: cell allocate: invalid argument: cell.name",
    ]);
  });

  test.each([
    ["Unknown", 1],
    ["Internal", 1],
    ["NotFound", 3],
    ["AlreadyExists", 4],
    ["InvalidArgument", 5],
    ["OutOfRange", 5],
    ["FailedPrecondition", 6],
    ["Aborted", 6],
    ["PermissionDenied", 7],
    ["Unauthenticated", 7],
    ["Unavailable", 8],
    ["DeadlineExceeded", 9],
    ["Unimplemented", 10],
    ["ResourceExhausted", 11],
  ] as const)("%s with exit %i", async (name, code) => {
    const result = await fixture.aer(["cell", "free", name]);
    const words = name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
    expect(result).toEqual({ code, stdout: "", stderr: `aer: cell free: ${words}: ${name}\n` });
  });

  test("what a reader may not do, exit 7", async () => {
    // Over TCP, since over the Unix socket the test's own user may be more than its certificate says.
    const where = ["--socket", `127.0.0.1:${fixture.server.port}`];
    const words = ["cell", "allocate", "a", ...where, ...fixture.as(fixture.server.reader)];
    const { code, stderr } = await fixture.aer(words);
    expect(code).toBe(7);
    expect(stderr).toStartWith("aer: cell allocate: permission denied: ");
  });

  test("methods that are not implemented, exit 10", async () => {
    expect(await fixture.aer(["vm", "list"])).toMatchObject({ code: 10 });
    expect(await fixture.aer(["observe", "get-aurae-daemon-log-stream"])).toMatchObject({
      code: 10,
    });
  });

  test("a command line that makes no sense, exit 2, with the help to ask for", async () => {
    const { code, stderr } = await fixture.aer(["cell", "allocate", "a", "--cpu-weight", "x"]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'aer: cell allocate: --cpu-weight: want a whole number, not "x"\naer: try "aer cell allocate --help"\n',
    );
    expect(await aer([])).toMatchObject({ code: 2, stdout: "" });
    expect(await aer(["cell"])).toMatchObject({ code: 2, stdout: "" });
  });

  test("a configuration that names no file that is there, exit 2", async () => {
    const { code, stderr } = await fixture.aer(["cell", "list", "--client-key", "/none/x.key"]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'aer: cell list: read the client\'s key "/none/x.key" (client_key): no such file; "auraed pki" makes certificates\n',
    );
  });

  test("a configuration that is found and wrong, with its fault, exit 2", async () => {
    const home = join(fixture.server.directory, "wrong-home");
    mkdirSync(join(home, ".aurae"), { recursive: true });
    writeFileSync(join(home, ".aurae/config"), "garbage [");
    const { code, stderr } = await aer(["-v", "cell", "list"], { env: { HOME: home } });
    expect(code).toBe(2);
    const [warning, failure, ...rest] = stderr.trimEnd().split("\n");
    expect(warning).toStartWith(
      `aer: warning: failed to parse config at ${home}/.aurae/config: TOML Parse error`,
    );
    expect(failure).toStartWith("aer: cell list: unable to find valid config file: ");
    expect(rest).toEqual([]);
  });

  test("nothing on standard error but quietly 141 when nobody reads its output", async () => {
    const result = await fixture.aer(["cell", "list"], {
      onStdout: () => {
        throw Object.assign(new Error("broken pipe"), { code: "EPIPE" });
      },
    });
    expect(result).toMatchObject({ code: 141, stderr: "" });
  });
});

describe("aer explains itself", () => {
  test("at each level, by flag and by word", async () => {
    const top = await aer(["--help"]);
    expect(top.code).toBe(0);
    expect(top.stdout).toContain("cell       allocate, free, start, stop, update,");
    expect(top.stdout).toContain("8    unavailable");
    const group = await aer(["help", "cell"]);
    expect(group).toEqual(await aer(["cell", "--help"]));
    expect(group.stdout).toContain("allocate  Makes a cell");
    const command = await aer(["help", "cell", "start"]);
    expect(command).toEqual(await aer(["cell", "start", "-h"]));
    expect(command.stdout).toContain(
      "Usage: aer cell start <CELL_NAME|--no-cell> <EXECUTABLE_NAME> [flags] {-c LINE | -- PROGRAM [ARG]...}",
    );
    const words = command.stdout.replace(/\s+/g, " ");
    expect(words).toMatch(/--gid <NUMBER> [^[]*root's as a rule, whatever the uid is/);
    expect(command.stdout).not.toContain("--cmd");
    expect(command.stdout).not.toContain("--executable-command");
    expect(Math.max(...command.stdout.split("\n").map((line) => line.length))).toBeLessThan(120);
  });

  test("its version, and completion scripts", async () => {
    expect(await aer(["--version"])).toEqual({ code: 0, stdout: "aer 1.2.3\n", stderr: "" });
    for (const shell of ["bash", "zsh", "fish"]) {
      expect((await aer(["completion", shell])).stdout).toContain(`completion ${shell}`);
    }
    expect(await aer(["completion", "csh"])).toMatchObject({ code: 2 });
    expect(await aer(["help", "nothing"])).toMatchObject({ code: 2 });
  });

  test("what it does, with --verbose", async () => {
    const { stderr } = await fixture.aer(["health", "check", "-v"]);
    expect(stderr).toContain(`config ${fixture.config}, server "server.unsafe.aurae.io" at /`);
  });
});
