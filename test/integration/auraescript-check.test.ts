/** `auraescript check` and `init`: types without a compiler, a package or a network. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { inRoot } from "../../build/paths.ts";
import { run } from "../harness/curl.ts";
import { AURAED } from "../harness/daemon.ts";
import { Scripts } from "../harness/script.ts";
import { ORIGINAL_MODULES } from "../../src/library/original/modules.ts";

let scripts: Scripts;

beforeAll(() => {
  scripts = new Scripts();
});
afterAll(() => scripts[Symbol.dispose]());

async function check(text: string) {
  scripts.write("script.ts", text);
  return await scripts.run(["check", "script.ts"]);
}

const RIGHT: readonly [what: string, text: string][] = [
  [
    "every kind of call",
    `import { cells, Code, ConnectError, createClient, health, observe } from "aurae";
    const service = new cells.CellServiceClient(await createClient({ socket: "/s" }));
    const { cellName }: { cellName: string } = await service.allocate({
      cell: { name: "a", cpu: { weight: 2, max: 3n } },
    });
    await service.allocate(<cells.CellServiceAllocateRequest>{ cell: { name: cellName } });
    await service.list();
    for await (const { event } of service.events({}, { timeoutMs: 5 })) console.log(event?.sequence);
    async function* input() { yield { stdin: new Uint8Array() }; }
    for await (const { exitStatus } of service.exec(input())) console.log(exitStatus?.exitCode);
    const channelType: observe.LogChannelType = observe.LogChannelType.STDOUT;
    const { status } = await new health.HealthClient().check({ service: String(channelType) });
    if (status !== health.HealthCheckResponse_ServingStatus.SERVING) throw new ConnectError("", Code.Unavailable);
    const cell: cells.Cell = cells.Cell.fromPartial({ name: "a" });
    const json: unknown = cells.Cell.toJson(cell);
    process.exit(json === undefined ? 1 : 0);`,
  ],
  [
    "the global runtime, with the fields of then",
    `let cells = new runtime.CellServiceClient();
    await cells.allocate(<runtime.AllocateCellRequest>{
      cell: runtime.Cell.fromPartial({ name: "a", cpus: "2" })
    });
    await cells.start(<runtime.StartExecutableRequest>{
      executable: runtime.Executable.fromPartial({ cellName: "a", command: "true", name: "t" })
    });`,
  ],
  [
    "modules of Aurae's own scripts",
    `import * as aurae from "../auraescript/gen/aurae.ts";
    import again from "../auraescript/gen/aurae.ts";
    import * as cells from "../auraescript/gen/cells.ts";
    import * as vms from "../auraescript/gen/vms.ts";
    const service = new cells.CellServiceClient(await aurae.createClient({ kind: "path", path: "/c" }));
    await service.free(<cells.CellServiceFreeRequest>{ cellName: "a" });
    await new vms.VmServiceClient(await again.createClient()).create({ machine: { id: "a" } });`,
  ],
  [
    "modules of node and of bun",
    'import { join } from "node:path";\nconsole.log(join(Bun.version));\n',
  ],
];

const WRONG: readonly [text: string, line: string][] = [
  [
    'import { cells } from "aurae";\nawait new cells.CellServiceClient().free({ cellName: 3 });\n',
    "script.ts(2,44): error TS2322: Type 'number' is not assignable to type 'string'.\n",
  ],
  [
    'import { cells } from "aurae";\nawait new cells.CellServiceClient().free({ cellNam: "a" });\n',
    "script.ts(2,44): error TS2561:",
  ],
  ['import { nope } from "aurae";\nnope();\n', "script.ts(1,10): error TS2305:"],
  ['import "./nowhere.ts";\n', "script.ts(1,8): error TS"],
  ["let a = ;\n", "script.ts(1,9): error TS1109:"],
  [
    'let c = runtime.Cell.fromPartial({ name: "a", cpus: 2 });\nconsole.log(c);\n',
    "script.ts(1,47): error TS2322:",
  ],
];

describe("auraescript check", () => {
  test.each(RIGHT)("finds nothing wrong with %s", async (_, text) => {
    const { code, stdout } = await check(text);
    expect(stdout).toBe("");
    expect(code).toBe(0);
  });

  test("knows every module of the original", async () => {
    const text = Object.keys(ORIGINAL_MODULES)
      .map((name) => `import * as ${name}_ from "../auraescript/gen/${name}.ts";\nvoid ${name}_;\n`)
      .join("");
    expect(await check(text)).toMatchObject({ code: 0, stdout: "" });
  });

  test.each(WRONG)("tells of %j", async (text, line) => {
    const { code, stdout } = await check(text);
    expect(stdout).toContain(line);
    expect(code).toBe(1);
  });

  test("follows imports beside the script", async () => {
    scripts.write("part.ts", "export const part: string = 3;\n");
    const { stdout } = await check('import { part } from "./part.ts";\nconsole.log(part);\n');
    expect(stdout).toContain("part.ts(1,14): error TS2322:");
  });

  test.each([
    [["check"], 2, "auraescript: check: name the scripts to check\n"],
    [["check", "nope.ts"], 1, 'auraescript: cannot check "nope.ts": no such file\n'],
  ] as const)("refuses %j", async (words, code, stderr) => {
    expect(await scripts.run(words)).toEqual({ code, stdout: "", stderr });
  });
});

test("the declaration of Code, which is ours, has the values of the real one", () => {
  const text = readFileSync(inRoot("types/connect.d.ts"), "utf8");
  const declared = [...text.matchAll(/^ {2}(\w+) = (\d+),$/gm)].map(([, name, value]) => [
    name,
    Number(value),
  ]);
  expect(declared).toEqual(Object.entries(Code).filter(([, value]) => typeof value === "number"));
});

describe("auraescript init", () => {
  test("makes a folder that checks, and keeps what is the user's", async () => {
    const wrote = "wrote new/.auraescript/types\nwrote new/tsconfig.json\nwrote new/main.ts\n";
    expect(await scripts.run(["init", "new"])).toEqual({ code: 0, stdout: wrote, stderr: "" });
    // As an editor would, by the folder's own configuration.
    const compile = () =>
      run(["env", "BUN_BE_BUN=1", AURAED, "check", "--cwd", scripts.path("new")]);
    expect(await compile()).toMatchObject({ code: 0, stdout: "" });
    const main = scripts.write("new/main.ts", 'import { nope } from "aurae";\nnope();\n');
    const kept = "wrote new/.auraescript/types\nkept  new/tsconfig.json\nkept  new/main.ts\n";
    expect((await scripts.run(["init", "new"])).stdout).toBe(kept);
    expect(readFileSync(main, "utf8")).toContain("nope");
    expect(await compile()).toMatchObject({ code: 1 });
  });

  test("makes it here, where no folder is named", async () => {
    expect((await scripts.run(["init"])).code).toBe(0);
    expect(existsSync(scripts.path("tsconfig.json"))).toBe(true);
  });

  test("follows no symbolic link out of the folder", async () => {
    const precious = scripts.write("other/types/precious", "");
    mkdirSync(scripts.path("linked"));
    symlinkSync(scripts.path("other"), scripts.path("linked/.auraescript"));
    const refused = await scripts.run(["init", "linked"]);
    const path = scripts.path("linked");
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: `auraescript: cannot write to "${path}": "${path}/.auraescript" is a symbolic link, which init does not follow; remove it first\n`,
    });
    expect(existsSync(precious)).toBe(true);
    unlinkSync(join(path, ".auraescript"));
    // A link of the name of what is made anew goes, and one that leads nowhere is the user's.
    mkdirSync(join(path, ".auraescript"));
    symlinkSync(scripts.path("other/types"), join(path, ".auraescript/types"));
    symlinkSync(scripts.path("nowhere"), join(path, "main.ts"));
    expect((await scripts.run(["init", "linked"])).stdout).toEndWith("kept  linked/main.ts\n");
    expect(readdirSync(scripts.path("other/types"))).toEqual(["precious"]);
    expect(existsSync(scripts.path("nowhere"))).toBe(false);
  });

  test("says where it can't write", async () => {
    const { code, stderr } = await scripts.run(["init", "/proc/nowhere"]);
    expect(stderr).toStartWith('auraescript: cannot write to "/proc/nowhere": ');
    expect(code).toBe(1);
  });
});
