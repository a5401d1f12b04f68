/** `aer context`, and calls that go to one. Two servers stand for two machines. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aer, AerFixture } from "./aer-fixture.ts";

let fixture: AerFixture;
let other: AerFixture;
let home = "";

beforeAll(async () => {
  const named = (name: string) => ({
    cells: { list: () => ({ cells: [{ cell: { name } }] }) },
  });
  [fixture, other] = await Promise.all([
    AerFixture.start(named("first")),
    AerFixture.start(named("second")),
  ]);
});
afterAll(async () => {
  await Promise.all([fixture, other].map(async (it) => await it[Symbol.asyncDispose]()));
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "aurae-aer-contexts-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const run = (words: string, env: Record<string, string> = {}) =>
  aer(words.split(" "), { env: { HOME: home, ...env } });

async function addBoth(): Promise<void> {
  expect(await run(`context add a --config ${fixture.config}`)).toMatchObject({ code: 0 });
  expect(await run(`context add b --config ${other.config}`)).toMatchObject({ code: 0 });
}

/** Which of the servers answers. */
async function answers(words = "", env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr } = await run(`cell list -o json ${words}`.trim(), env);
  return stderr === "" ? JSON.parse(stdout).cells[0].cell.name : stderr;
}

describe("aer with contexts", () => {
  test("goes to the one in use, the environment's, or the flag's", async () => {
    await addBoth();
    expect(await answers("--context a")).toBe("first");
    expect(await answers("--context b")).toBe("second");
    expect(await answers("", { AURAE_CONTEXT: "b" })).toBe("second");
    expect(await run("context use a")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await answers()).toBe("first");
    expect(await answers("", { AURAE_CONTEXT: "b" })).toBe("second");
    expect(await answers("--context a", { AURAE_CONTEXT: "b" })).toBe("first");
  });

  test("refuses a context that is not there with the names of those that are", async () => {
    await addBoth();
    expect(await run("cell list --context c")).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'aer: cell list: no context "c" (asked for): there are a, b; make it with "aer context add c", or choose another with "aer context use"\n',
    });
    expect(await run(`cell list --context a --config ${fixture.config}`)).toMatchObject({
      code: 2,
      stderr: "aer: cell list: give a configuration file or a context, not both\n",
    });
  });
});

describe("aer context", () => {
  test("add checks that the certificates are there, and replaces only with --force", async () => {
    const { server, config } = fixture;
    const pem = `--ca-crt ${server.caFile} --client-crt ${server.admin.crt}`;
    const missing = await run(`context add a ${pem} --client-key ${home}/none.key`);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toStartWith(
      `aer: context add: read the client's key "${home}/none.key"`,
    );
    expect(existsSync(join(home, ".aurae"))).toBe(false);
    const path = join(home, ".aurae/contexts/a.toml");
    expect(await run(`context add a --config ${config}`)).toMatchObject({ stdout: `${path}\n` });
    expect(await run(`context add a --config ${other.config}`)).toMatchObject({
      code: 2,
      stderr: `aer: context add: context "a" exists already, in "${path}"; give --force to replace it\n`,
    });
    expect(await answers("--context a")).toBe("first");
    await run(`context add a --config ${other.config} --force`);
    expect(await answers("--context a")).toBe("second");
  });

  test("add takes what is left out from the context that a call would take", async () => {
    await addBoth();
    const { port } = fixture.server;
    await run(`context add c --context a --socket 127.0.0.1:${port} --server-name localhost`);
    const { stdout } = await run("context show c -o json");
    expect(JSON.parse(stdout)).toEqual({
      name: "c",
      inUse: false,
      source: join(home, ".aurae/contexts/c.toml"),
      socket: `127.0.0.1:${port}`,
      serverName: "localhost",
      caCrt: fixture.server.caFile,
      clientCrt: fixture.server.admin.crt,
      clientKey: fixture.server.admin.key,
    });
  });

  test("list shows which is in use, and what is wrong with one", async () => {
    await addBoth();
    writeFileSync(join(home, ".aurae/contexts/broken.toml"), " ");
    await run("context use b");
    const { stdout } = await run("context list");
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ["IN USE", "NAME"],
      ["", "default"],
      ["", "a"],
      ["*", "b"],
      ["", "broken"],
      [""],
    ]);
    const all = JSON.parse((await run("context list -o json", { AURAE_CONTEXT: "a" })).stdout);
    expect(all.find(({ name }: { name: string }) => name === "a").inUse).toBe(true);
    expect(all.find(({ name }: { name: string }) => name === "broken").error).toContain(
      "empty config",
    );
  });

  test("list keeps its table where there is no configuration, or a wrong one", async () => {
    await addBoth();
    writeFileSync(join(home, ".aurae/contexts/broken.toml"), " ");
    const { stdout, stderr } = await run("context list");
    const lines = stdout.split("\n");
    expect(lines.find((line) => line.includes("default"))?.trim()).toMatch(
      /^\*\s+default\s+\(none\)$/,
    );
    expect(lines.find((line) => line.includes("broken"))?.trim()).toMatch(/^broken\s+\(wrong\)$/);
    const path = join(home, ".aurae/contexts/broken.toml");
    expect(stderr).toMatch(/^aer: warning: .*empty config\n$/);
    expect(stderr).toContain(path);
    writeFileSync(join(home, ".aurae/config"), "[auth");
    expect((await run("context list")).stderr).toContain(
      `failed to parse config at ${home}/.aurae/config`,
    );
  });

  test("list, show and remove get over a damaged choice, which list reports", async () => {
    await addBoth();
    writeFileSync(join(home, ".aurae/current-context"), "../x\n");
    const { code, stdout, stderr } = await run("context list");
    expect(code).toBe(0);
    expect(stdout).toContain(fixture.server.socketPath);
    expect(stdout).not.toContain("*");
    const fault = `read the context in use, "${home}/.aurae/current-context": `;
    expect(stderr).toStartWith(`aer: warning: ${fault}`);
    expect(stderr).toContain('choose one with "aer context use NAME"');
    expect(await run("context show a")).toMatchObject({ code: 0 });
    expect(await run("context remove a")).toMatchObject({ code: 0, stderr: "" });
    expect(await run("context show")).toMatchObject({ code: 2, stdout: "" });
    expect(await run("context use b")).toMatchObject({ code: 0, stderr: "" });
    expect(await answers()).toBe("second");
  });

  test("show tells what a call would take, as a table too", async () => {
    await addBoth();
    await run("context use a");
    const { stdout } = await run("context show");
    expect(stdout).toStartWith("name         a\nin_use       true\n");
    expect(stdout).toContain(`socket       ${fixture.server.socketPath}\n`);
  });

  test("remove asks before it takes the one in use", async () => {
    await addBoth();
    await run("context use a");
    expect(await run("context remove a")).toMatchObject({ code: 2, stdout: "" });
    expect(await run("context remove a --force")).toMatchObject({ code: 0 });
    expect(await run("context remove b")).toMatchObject({ code: 0 });
    expect((await run("context show b")).stderr).toContain("there is none yet");
  });

  test.each([
    ["context", 2, "Named contexts: where other daemons are"],
    [
      "context lst",
      2,
      'aer: context: no command "lst"; did you mean "list"?\naer: try "aer context --help"\n',
    ],
    ["context use", 2, "aer: context use: NAME is missing\n"],
    ["context use a b", 2, 'aer: context use: "b" is one word too many\n'],
    ["context use ../x", 2, 'aer: context use: context "../x": a name has 1 to 63 letters'],
    ["context list --force", 2, "aer: context list: --force goes with add and remove only\n"],
    ["context list --frce", 2, 'aer: context list: no flag "--frce"; did you mean "--force"?\n'],
  ])("%s is answered with %d and words about it", async (words, code, stderr) => {
    const result = await run(words);
    expect(result.code).toBe(code);
    expect(result.stderr).toStartWith(stderr);
    expect(result.stdout).toBe("");
  });
});
