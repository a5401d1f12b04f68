/** Scripts that call a daemon: every kind of call, both shapes of the library, and what goes wrong on the way. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { Scripts } from "../harness/script.ts";

let daemon: TestDaemon;
let scripts: Scripts;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  scripts = Scripts.against(daemon);
});
afterAll(async () => {
  scripts[Symbol.dispose]();
  await daemon.stop();
});

const CELLS = `
  import { cells, createClient } from "aurae";
  const service = new cells.CellServiceClient(await createClient());
`;

describe("the library", () => {
  test("takes plain objects, and gives them", async () => {
    const text = `${CELLS}
      console.log(JSON.stringify(await service.allocate({ cell: { name: "plain" } })));
      const { pid } = await service.start({
        cellName: "plain",
        executable: { name: "sleeper", args: ["sleep", "1000"] },
      });
      const { cells: [node] } = await service.list();
      console.log(node?.cell?.name, node?.executables[0]?.pid === pid, node?.executables[0]?.state);
      console.log(JSON.stringify(await service.stop({ cellName: "plain", executableName: "sleeper" })));
      console.log(JSON.stringify(await service.free({ cellName: "plain" })));
    `;
    expect(await scripts.runText(text)).toEqual({
      code: 0,
      stdout: [
        '{"cellName":"plain","cgroupV2":true}',
        "plain true 1",
        '{"exitStatus":{"signal":15},"oomKilled":false}',
        "{}",
        "",
      ].join("\n"),
      stderr: "",
    });
  });

  test("follows streams, and ends them with the loop", async () => {
    const text = `${CELLS}
      import { observe } from "aurae";
      await service.allocate({ cell: { name: "talker" } });
      await service.start({
        cellName: "talker",
        executable: { name: "echo", command: "echo one; echo two; exec sleep 1000" },
      });
      const lines = new observe.ObserveServiceClient(service.client).getSubProcessStream({
        cellName: "talker",
        executableName: "echo",
        channelType: observe.LogChannelType.STDOUT,
      });
      for await (const { item } of lines) {
        console.log(item?.line);
        if (item?.line === "two") break;
      }
      await service.free({ cellName: "talker" });
    `;
    expect(await scripts.runText(text)).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
  });

  test("ends a call whose loop was left, however many of them", async () => {
    // More than a transport can hold at a time.
    const text = `${CELLS}
      await service.allocate({ cell: { name: "often" } });
      for (let i = 0; i < 300; i += 1) {
        for await (const { event } of service.events({ afterSequence: 0 })) break;
      }
      console.log(await service.free({ cellName: "often" }));
    `;
    expect((await scripts.runText(text)).stdout).toBe("{}\n");
  });

  test("sends streams, and ends by itself when they are over", async () => {
    const text = `${CELLS}
      await service.allocate({ cell: { name: "typist" } });
      async function* input(): AsyncGenerator<Partial<cells.CellServiceExecRequest>> {
        yield { start: cells.ExecStart.fromPartial({ cellName: "typist", args: ["tr", "a-z", "A-Z"] }) };
        yield { stdin: new TextEncoder().encode("loud\\n") };
        yield { stdinEnd: true };
      }
      for await (const answer of service.exec(input())) {
        console.log(Object.keys(answer)[0], answer.stdout === undefined ? answer.exitStatus : new TextDecoder().decode(answer.stdout).trim());
      }
      await service.free({ cellName: "typist" });
    `;
    const { code, stdout, stderr } = await scripts.runText(text);
    expect(stderr).toBe("");
    expect(stdout).toBe("started undefined\nstdout LOUD\nexitStatus {\n  exitCode: 0,\n}\n");
    expect(code).toBe(0);
  });

  test("checks each request of a stream", async () => {
    const { code, stderr } = await scripts.runText(`${CELLS}
async function* input(): AsyncGenerator<never> {
  yield { start: { cellName: "typist", args: "ls" } } as never;
}
for await (const _ of service.exec(input())) {}
`);
    expect(stderr).toContain('CellService.exec: start.args: want an array, not "ls"\n');
    expect(stderr).toContain("script.ts:");
    expect(code).toBe(1);
  });

  test("ends a call by a signal, or by a time", async () => {
    const text = `${CELLS}
      import { Code, ConnectError } from "aurae";
      await service.allocate({ cell: { name: "waiter" } });
      await service.start({ cellName: "waiter", executable: { name: "s", command: "sleep 1000" } });
      const request = { cellName: "waiter", executableName: "s" };
      for (const options of [{ timeoutMs: 50 }, { signal: AbortSignal.timeout(50) }]) {
        await service.wait(request, options).catch((error) => {
          console.log(error instanceof ConnectError ? Code[error.code] : error);
        });
      }
      await service.free({ cellName: "waiter" });
    `;
    const { stdout } = await scripts.runText(text);
    expect(stdout).toBe("DeadlineExceeded\nCanceled\n");
  });
});

describe("where a client leads", () => {
  const files = () =>
    JSON.stringify({
      caCrt: daemon.pki("ca.crt"),
      clientCrt: daemon.pki("_signed.client.nova.crt"),
      clientKey: daemon.pki("client.nova.key"),
    });
  const ASK = `
    console.log((await new discovery.DiscoveryServiceClient(client).discover()).healthy, client.address);
  `;

  test("is told by options, to a port or a socket", async () => {
    for (const socket of [`127.0.0.1:${daemon.port}`, daemon.socket]) {
      const text = `
        import { createClient, discovery } from "aurae";
        const client = await createClient({ ...${files()}, socket: "${socket}" });${ASK}`;
      const { stdout } = await scripts.runText(text, { flags: [] });
      expect(stdout).toBe(`true ${socket}\n`);
    }
  });

  test("is told by a configuration file, and by the one in the user's home", async () => {
    const named = `
      import { createClient, discovery } from "aurae";
      const client = await createClient(${JSON.stringify(scripts.path("config"))});${ASK}`;
    expect((await scripts.runText(named, { flags: [] })).stdout).toStartWith("true ");
    scripts.write(".aurae/config", await Bun.file(scripts.path("config")).text());
    const none = `
      import { createClient, discovery } from "aurae";
      const client = await createClient();${ASK}`;
    expect((await scripts.runText(none, { flags: [] })).stdout).toStartWith("true ");
  });

  test("is told by flags, to all clients that name none", async () => {
    const text = `
      import { discovery } from "aurae";
      console.log((await new discovery.DiscoveryServiceClient().discover()).healthy);
    `;
    const flags = ["--config", scripts.path("config"), `--socket=127.0.0.1:${daemon.port}`];
    expect((await scripts.runText(text, { flags })).stdout).toBe("true\n");
  });

  test("is explained where nobody is there", async () => {
    const text = `import { createClient, discovery } from "aurae";
const client = await createClient({ ...${files()}, socket: "/nowhere/aurae.sock" });
await new discovery.DiscoveryServiceClient(client).discover();
`;
    const { code, stderr } = await scripts.runText(text, { flags: [] });
    expect(stderr).toBe(
      `ConnectError: [unavailable] connect to "/nowhere/aurae.sock": no such socket; start auraed, or give its address in "[system] socket" or --socket\n    at ${scripts.path("script.ts")}:3:52\n`,
    );
    expect(code).toBe(1);
  });
});

describe("a call that is wrong", () => {
  test("is refused before anything is sent, with the field and the script's line", async () => {
    const { code, stderr } = await scripts.runText(
      `import { cells } from "aurae";
const service = new cells.CellServiceClient();
await service.allocate({ cell: { name: 3 as never, cpu: { weight: "2" as never } } });
`,
      { flags: ["--config", scripts.path("config"), "--socket", "/nowhere/aurae.sock"] },
    );
    expect(stderr).toBe(
      `ConnectError: [invalid_argument] CellService.allocate: cell.name: want a string, not 3; cell.cpu.weight: want an integer, not "2"\n    at ${scripts.path("script.ts")}:3:15\n`,
    );
    expect(code).toBe(1);
  });

  test("has the daemon's own status, and the script's line", async () => {
    const { stderr } = await scripts.runText(`import { cells } from "aurae";
async function free(): Promise<void> {
  await new cells.CellServiceClient().free({ cellName: "nope" });
}
await free();
`);
    expect(stderr).toBe(
      `ConnectError: [not_found] cell 'nope' not found\n    at free (${scripts.path("script.ts")}:3:39)\n    at ${scripts.path("script.ts")}:5:7\n`,
    );
  });
});

describe("a daemon that goes away", () => {
  test("ends a stream with one clear error, and a read goes on with the next daemon", async () => {
    await using own = await Own.start();
    const child = own.scripts.spawn([
      own.scripts.write(
        "script.ts",
        `${CELLS}
        await service.allocate({ cell: { name: "lost" } });
        const events = service.events({ afterSequence: 0 });
        try {
          for await (const { event } of events) {
            console.log(event?.cellName);
          }
        } catch (error) {
          console.log(String(error));
        }
        console.log((await service.list()).cells.length);
      `,
      ),
    ]);
    const out = { text: "" };
    const reading = (async () => {
      for await (const chunk of child.stdout) {
        out.text += Buffer.from(chunk).toString();
      }
    })();
    await eventually("an event", () => out.text.includes("lost\n"));
    await own.replace();
    await reading;
    expect(out.text).toMatch(
      /^lost\n(?:lost\n)*ConnectError: \[unavailable\] the connection to ".*aurae\.sock" broke: .*\n1\n$/,
    );
    expect(await child.stderr.text()).toBe("");
    expect(await child.exited).toBe(0);
  });

  test("leaves nothing half-open when Ctrl-C ends a script in the middle of Exec", async () => {
    await daemon.client(CellService).allocate({ cell: { name: "half" } });
    const child = scripts.spawn([
      scripts.write(
        "script.ts",
        `${CELLS}
        async function* input() {
          yield { start: { cellName: "half", args: ["sleep", "1000"] } };
          await new Promise(() => {});
        }
        for await (const answer of service.exec(input())) console.log(answer.started?.hostPid);
      `,
      ),
    ]);
    const first = await child.stdout.getReader().read();
    const pid = Number(Buffer.from(first.value ?? []).toString());
    expect(pid).toBeGreaterThan(0);
    child.kill("SIGINT");
    await child.exited;
    await eventually("the end of the process", () => !existsSync(`/proc/${pid}`));
    await daemon.client(CellService).free({ cellName: "half" });
  });
});

/** A daemon that a test may end. */
class Own implements AsyncDisposable {
  #daemon: TestDaemon;
  readonly scripts: Scripts;

  private constructor(own: TestDaemon) {
    this.#daemon = own;
    this.scripts = Scripts.against(own);
  }

  static async start(): Promise<Own> {
    return new Own(await TestDaemon.start());
  }

  /** Kills the daemon, and starts its successor. */
  async replace(): Promise<void> {
    await this.#daemon.end("SIGKILL");
    this.#daemon = await this.#daemon.successor();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.scripts[Symbol.dispose]();
    await this.#daemon.stop();
  }
}
