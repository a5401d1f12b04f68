/** What keeps the daemon from starting is one line on standard error that names the thing and the remedy. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { AURAED, TestDaemon } from "../harness/daemon.ts";
import { type Ended, run } from "../harness/curl.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();

let directory: string;
let flags: string[];

beforeAll(async () => {
  ({ directory, flags } = await TestDaemon.prepare());
  mkdirSync(join(directory, "other"));
  await run([AURAED, "pki", "--dir", join(directory, "other")]);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The flags with one of them pointed elsewhere. */
function withFlag(name: string, value: string): string[] {
  const changed = [...flags];
  changed[changed.indexOf(name) + 1] = value;
  return changed;
}

function expectOneLine(ended: Ended, ...parts: readonly (string | RegExp)[]): void {
  expect(ended.code).toBe(1);
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stderr).toStartWith("auraed: ");
  for (const part of parts) {
    expect(ended.stderr).toMatch(part);
  }
  expect(ended.stdout).not.toContain("Access Socket");
}

describe("auraed refuses to start", () => {
  test.each([
    ["--ca-crt", "ca.crt"],
    ["--server-crt", "_signed.server.crt"],
    ["--server-key", "server.key"],
  ])("without the file of %s", async (flag, name) => {
    const path = join(directory, "nowhere", name);
    expectOneLine(await TestDaemon.runToEnd(withFlag(flag, path)), path, flag);
  });

  test("with the key of another certificate", async () => {
    const key = join(directory, "other/server.key");
    expectOneLine(await TestDaemon.runToEnd(withFlag("--server-key", key)), key);
  });

  test("with the certificate of another CA", async () => {
    const ca = join(directory, "other/ca.crt");
    expectOneLine(await TestDaemon.runToEnd(withFlag("--ca-crt", ca)), "_signed.server.crt");
  });

  test("with a file that is no certificate", async () => {
    const path = join(directory, "noise");
    writeFileSync(path, randomBytes(4096));
    expectOneLine(await TestDaemon.runToEnd(withFlag("--server-crt", path)), path);
  });

  test("with a runtime or library directory that can't be one", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "");
    for (const flag of ["--runtime-dir", "--library-dir"]) {
      const ended = await TestDaemon.runToEnd([...withFlag(flag, file), "-s", "127.0.0.1:0"]);
      expectOneLine(ended, file, flag);
    }
  });

  test("with a policy that is asked for and missing, or malformed", async () => {
    const absent = join(directory, "absent.toml");
    expectOneLine(await TestDaemon.runToEnd([...flags, "--policy", absent]), absent);
    const bad = join(directory, "bad.toml");
    writeFileSync(bad, '[[grant]]\nprincipal = "uid:0"\nrole = "emperor"\n');
    expectOneLine(await TestDaemon.runToEnd([...flags, "--policy", bad]), bad, "emperor");
  });

  test("with a CA for virtual machines that can be none", async () => {
    const absent = join(directory, "vm-ca.crt");
    const key = join(directory, "pki/ca.key");
    const ended = await TestDaemon.runToEnd([
      ...[...flags, "--vm-ca-crt", absent, "--vm-ca-key", key],
    ]);
    expectOneLine(ended, absent, "auraed pki");
    const [leaf, leafKey] = ["_signed.server.crt", "server.key"].map((name) => {
      return join(directory, "pki", name);
    });
    const refused = await TestDaemon.runToEnd([
      ...[...flags, "--vm-ca-crt", leaf!, "--vm-ca-key", leafKey!],
    ]);
    expectOneLine(refused, leaf!, "is not of a CA");
  });

  test("on a TCP port that is in use", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    const ended = await TestDaemon.runToEnd([...flags, "-s", `127.0.0.1:${port}`]);
    expectOneLine(ended, `127.0.0.1:${port}`);
    await new Promise((resolve) => server.close(resolve));
  });

  test("on a socket that somebody answers on, and leaves that alone", async () => {
    const path = join(directory, "busy.sock");
    const server: Server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expectOneLine(await TestDaemon.runToEnd([...flags, "-s", path]), path);
    expect(statSync(path).isSocket()).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  test("on a path that is a file, and leaves that alone", async () => {
    const path = join(directory, "precious");
    copyFileSync(join(directory, "pki/ca.crt"), path);
    expectOneLine(await TestDaemon.runToEnd([...flags, "-s", path]), path);
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  test.skipIf(missing !== undefined)("where control groups version 2 are not mounted", async () => {
    const ended = await TestDaemon.runToEnd(flags, [
      ...["unshare", "--mount", "sh", "-c"],
      'umount --recursive /sys/fs/cgroup && exec "$0" "$@"',
    ]);
    expectOneLine(ended, "no control groups version 2 here", "mount -t cgroup2");
  });
});

describe("auraed's command line", () => {
  test.each([["--nested"], ["spawn"]])(
    "says that %s comes later, with exit code 2",
    async (arg) => {
      const ended = await run([AURAED, arg]);
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toContain("not implemented yet");
      expect(existsSync("config.json")).toBe(false);
    },
  );

  test.each([
    ["--nope"],
    ["extra"],
    ["--socket"],
    ["--socket="],
    ["--socket=127.0.0.1:70000"],
    ["--socket=localhost:8080"],
  ])("refuses %s with exit code 2", async (arg) => {
    const ended = await TestDaemon.runToEnd([...flags, arg]);
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toMatch(/^auraed: .*; see auraed --help\n$/);
    expect(existsSync("localhost:8080")).toBe(false);
  });

  test("knows --help and --version", async () => {
    expect((await run([AURAED, "--help"])).stdout).toContain("--server-crt");
    expect((await run([AURAED, "-V"])).stdout).toMatch(/^auraed \d+\.\d+\.\d+\n$/);
  });
});

describe("auraed's life", () => {
  test("ends by SIGTERM with exit code 0, with nothing left of its socket", async () => {
    const daemon = await TestDaemon.start();
    const { socket } = daemon;
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    const ended = await daemon.end("SIGTERM");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(socket)).toBe(false);
    rmSync(daemon.directory, { recursive: true });
  });

  test.each(["SIGHUP", "SIGQUIT"] as const)("ends by %s in order, too", async (signal) => {
    const daemon = await TestDaemon.start();
    expect(await daemon.end(signal)).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(daemon.socket)).toBe(false);
    rmSync(daemon.directory, { recursive: true });
  });

  test("goes on after SIGUSR1, SIGUSR2 and SIGALRM", async () => {
    const daemon = await TestDaemon.start();
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGALRM"] as const) {
      daemon.signal(signal);
      expect((await daemon.call("grpc.health.v1.Health/Check")).status).toBe(200);
    }
    await daemon.stop();
  });

  test("ends by SIGINT as well, and starts over a socket that a killed daemon left", async () => {
    const first = await TestDaemon.start();
    await first.end("SIGKILL");
    expect(statSync(first.socket).isSocket()).toBe(true);
    const ended = await TestDaemon.runToEnd(["--version"]);
    expect(ended.code).toBe(0);
    const second = await TestDaemon.start("--socket", first.socket);
    const list = await second.call("aurae.cells.v0.CellService/List");
    expect(list.status).toBe(200);
    expect((await second.end("SIGINT")).code).toBe(0);
    rmSync(first.directory, { recursive: true });
    rmSync(second.directory, { recursive: true });
  });

  test("answers FAILED_PRECONDITION to PowerOff, for it is not this machine's init", async () => {
    const daemon = await TestDaemon.start();
    const answer = await daemon.call("aurae.machine.v0.MachineService/PowerOff");
    expect(answer.body).toMatchObject({ code: "failed_precondition" });
    await daemon.stop();
  });
});
