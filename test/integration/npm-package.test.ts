/** The package `aurae`, as somebody who installed it has it: on Node and on Bun, by a socket and a port, and its types. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inRoot, NPM_PACKAGE } from "../../build/paths.ts";
import { type Ended, run } from "../harness/curl.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { Scripts } from "../harness/script.ts";

let daemon: TestDaemon;
let scripts: Scripts;
let folder: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  scripts = Scripts.against(daemon);
  folder = mkdtempSync(join(tmpdir(), "aurae-npm-"));
  mkdirSync(join(folder, "node_modules/aurae"), { recursive: true });
  await run(["cp", "-a", `${NPM_PACKAGE}/.`, join(folder, "node_modules/aurae")]);
  // What npm would install: the dependencies that the package names, and nothing else of ours.
  const { dependencies } = await Bun.file(join(NPM_PACKAGE, "package.json")).json();
  for (const name of Object.keys(dependencies)) {
    mkdirSync(join(folder, "node_modules", name, ".."), { recursive: true });
    symlinkSync(inRoot("node_modules", name), join(folder, "node_modules", name));
  }
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  scripts[Symbol.dispose]();
  await daemon.stop();
});

async function runOn(runtime: string, text: string): Promise<Ended> {
  const path = join(folder, "main.mjs");
  writeFileSync(path, text);
  return await run(["timeout", "20", runtime, path]);
}

const RUNTIMES = [
  ["node", "node"],
  ["bun", process.execPath],
] as const;

describe.each(RUNTIMES)("on %s", (_, runtime) => {
  const connect = (socket: string) => `
    import { cells, Code, ConnectError, createClient, discovery, observe } from "aurae";
    const client = await createClient({
      config: ${JSON.stringify(scripts.path("config"))}, socket: ${JSON.stringify(socket)},
    });
    const service = new cells.CellServiceClient(client);
  `;

  test("calls over a Unix socket and over a port", async () => {
    for (const socket of [daemon.socket, `127.0.0.1:${daemon.port}`]) {
      const text = `${connect(socket)}
        console.log((await new discovery.DiscoveryServiceClient(client).discover()).healthy);
        await service.free({ cellName: "none" }).catch((error) => {
          console.log(error instanceof ConnectError, Code[error.code]);
        });
        await service.free({ cellName: 3 }).catch((error) => console.log(error.rawMessage));
      `;
      expect(await runOn(runtime, text)).toEqual({
        code: 0,
        stdout: "true\ntrue NotFound\nCellService.free: cellName: want a string, not 3\n",
        stderr: "",
      });
    }
  });

  test("follows streams, sends them, and ends by itself", async () => {
    const text = `${connect(daemon.socket)}
      await service.allocate({ cell: { name: "npm" } });
      await service.start({ cellName: "npm", executable: { name: "e", command: "echo hi; exec sleep 100" } });
      const request = { cellName: "npm", executableName: "e" };
      for await (const { item } of new observe.ObserveServiceClient(client).getSubProcessStream(request)) {
        console.log(item.line);
        break;
      }
      async function* input() {
        yield { start: { cellName: "npm", args: ["cat"] } };
        yield { stdin: new TextEncoder().encode("typed") };
        yield { stdinEnd: true };
      }
      for await (const { stdout, exitStatus } of service.exec(input())) {
        if (stdout) console.log(new TextDecoder().decode(stdout));
        if (exitStatus) console.log(exitStatus);
      }
      await service.free({ cellName: "npm" });
    `;
    const { code, stdout, stderr } = await runOn(runtime, text);
    expect(stderr).toBe("");
    expect(stdout.replace(/\s+/g, " ")).toMatch(/^hi typed \{ exitCode: 0,? \} $/);
    expect(code).toBe(0);
  });

  test("tells what is wrong with a configuration and a connection", async () => {
    const text = `${connect("/nowhere/aurae.sock")}
      await service.list().catch((error) => console.log(error.message));
      await createClient({ config: "/nowhere" }).catch((error) => console.log(error.message));
    `;
    const { stdout } = await runOn(runtime, text);
    expect(stdout).toContain('[unavailable] connect to "/nowhere/aurae.sock": no such socket');
    expect(stdout).toContain('[failed_precondition] createClient: config "/nowhere": no such file');
  });
});

test("its types are whole for a project of Node's", async () => {
  writeFileSync(
    join(folder, "main.ts"),
    `import { cells, Code, ConnectError, createClient, type Client } from "aurae";
const client: Client = await createClient();
const service = new cells.CellServiceClient(client);
const list: cells.CellServiceListResponse = await service.list();
for await (const { event } of service.events({})) console.log(event?.cellName, list.cells.length);
export const isGone = (error: unknown): boolean =>
  error instanceof ConnectError && error.code === Code.NotFound;
`,
  );
  const compilerOptions = {
    ...{ module: "NodeNext", moduleResolution: "NodeNext", target: "ES2022" },
    ...{ lib: ["ES2023", "ESNext.Disposable", "DOM"], strict: true, noEmit: true, types: [] },
  };
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["main.ts"] }),
  );
  // Of declarations, too: none of them may name what the package does not have.
  const checker = [process.execPath, "check", "--no-script", "--project", folder];
  expect(await run(checker)).toMatchObject({ code: 0, stdout: "" });
});
