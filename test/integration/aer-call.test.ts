/** `aer call`: any method by name, with requests in JSON, and streams in both directions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FakeHost } from "../harness/fake-host.ts";
import { AerFixture } from "./aer-fixture.ts";

let fixture: AerFixture;

beforeAll(async () => {
  fixture = await AerFixture.start({
    cells: {
      allocate: ({ cell }) => ({ cellName: cell?.name ?? "", cgroupV2: true }),
      async *exec(requests) {
        let count = 0;
        for await (const { message } of requests) {
          count += 1;
          if (message.case === "start") {
            yield { message: { case: "started", value: { pid: message.value.args.length } } };
          } else if (message.case === "stdin") {
            yield { message: { case: "stdout", value: message.value } };
          }
        }
        yield {
          message: { case: "exitStatus", value: { outcome: { case: "exitCode", value: count } } },
        };
      },
    },
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

const inputOf = (...texts: string[]) =>
  FakeHost.withInput(...texts.map((text) => Buffer.from(text)));
const EXEC = "aurae.cells.v0.CellService/Exec";

describe("aer call", () => {
  test("sends one request from the command line, and {} where it is left out", async () => {
    const cell = '{"cell":{"name":"web"}}';
    expect(await fixture.aer(["call", "aurae.cells.v0.CellService/Allocate", cell])).toEqual({
      code: 0,
      stdout: '{\n  "cellName": "web",\n  "cgroupV2": true\n}\n',
      stderr: "",
    });
    const discovered = await fixture.aer(["call", "DiscoveryService/Discover", "-o", "table"]);
    expect(discovered.stdout).toBe("healthy  true\nversion  1.2.3\n");
  });

  test("takes a method by each way of writing it", async () => {
    for (const name of [
      "grpc.health.v1.Health/Check",
      "grpc.health.v1.Health.Check",
      "/grpc.health.v1.Health/Check",
      "Health/Check",
      "Health.Check",
    ]) {
      expect(await fixture.aer(["call", name])).toMatchObject({ code: 0, stderr: "" });
    }
  });

  test("reads one request from standard input, over as many lines as it has", async () => {
    const host = inputOf('{"cell":\n', '{"name":"web"}}\n');
    const words = ["call", "aurae.cells.v0.CellService/Allocate", "-"];
    expect((await fixture.aer(words, { host })).stdout).toContain('"cellName": "web"');
  });

  test("sends a stream from the command line, with standard input in its midst", async () => {
    const host = inputOf('{"stdin":"aGk="}\n\n{"st', 'din":"eW8="}');
    const words = [
      "call",
      EXEC,
      '{"start":{"cellName":"a","args":["x","y"]}}',
      "-",
      '{"stdinEnd":true}',
    ];
    const { code, stdout, stderr } = await fixture.aer(words, { host });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { started: { pid: 2, hostPid: 0 } },
      { stdout: "aGk=" },
      { stdout: "eW8=" },
      { exitStatus: { exitCode: 4 } },
    ]);
  });

  test("reads a stream from standard input while answers come", async () => {
    const host = new FakeHost({ size: { rows: 24, columns: 80 } });
    host.type('{"start":{"cellName":"a","args":["x"]}}\n');
    const result = await fixture.aer(["call", EXEC], {
      host,
      onStdout: (text) => {
        if (text.includes("started")) {
          host.type('{"stdin":"aGk="}\n');
        } else if (text.includes("aGk=")) {
          host.typed.close();
        }
      },
    });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toEndWith('{"exitStatus":{"exitCode":2}}\n');
  });

  test("asks reflection, whose two versions have to be told apart", async () => {
    const words = ["call", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"];
    const { stdout } = await fixture.aer([...words, '{"listServices":""}']);
    const names = JSON.parse(stdout).listServicesResponse.service.map(
      (it: { name: string }) => it.name,
    );
    expect(names).toContain("grpc.reflection.v1alpha.ServerReflection");
    const { code, stderr } = await fixture.aer(["call", "ServerReflection/ServerReflectionInfo"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      "may be grpc.reflection.v1.ServerReflection/ServerReflectionInfo or grpc",
    );
  });

  test("ends a stream that would never end with Ctrl-C and with its time", async () => {
    const interrupt = new AbortController();
    const words = ["call", "Health/Watch", "{}"];
    const stopped = await fixture.aer(words, {
      signal: interrupt.signal,
      onStdout: () => interrupt.abort(),
    });
    expect(stopped).toEqual({ code: 130, stdout: '{"status":"SERVING"}\n', stderr: "" });
    expect(await fixture.aer([...words, "--timeout", "200ms"])).toMatchObject({ code: 9 });
  });

  test.each([
    [["call"], "Calls any method by its name"],
    [["call", "Nope/Nope"], 'aer: call: no method "Nope/Nope"'],
    [["call", "Health/Chek"], 'aer: call: no method "Health/Chek"; did you mean "Health/Check"?'],
    [
      ["call", "Health/Check", "{"],
      "aer: call: request: want JSON of grpc.health.v1.HealthCheckRequest",
    ],
    [
      ["call", "Health/Check", '{"a":1}'],
      "aer: call: request: want JSON of grpc.health.v1.HealthCheckRequest: ",
    ],
    [["call", "Health/Check", "{}", "{}"], "aer: call: Check takes one request, and here are 2"],
    [["call", EXEC, "-", "-"], "aer: call: standard input can be read only once"],
    [
      ["call", EXEC, "{}", "nonsense"],
      "aer: call: request 2: want JSON of aurae.cells.v0.CellServiceExecRequest",
    ],
  ])("refuses %j before anything is sent", async (words, stderr) => {
    const result = await fixture.aer(words);
    expect(result.code).toBe(2);
    expect(result.stdout).toBe("");
    expect(result.stderr).toStartWith(stderr);
  });

  test("names the line of standard input that is wrong, and ends the stream", async () => {
    const host = inputOf('{"start":{"cellName":"a","args":["x"]}}\n', '\n{"no":1}\n');
    const { code, stderr } = await fixture.aer(["call", EXEC], { host });
    expect(code).toBe(2);
    expect(stderr).toStartWith("aer: call: line 3 of standard input: want JSON of aurae");
  });

  test("says what the daemon refuses as every command does", async () => {
    const words = ["call", "aurae.cells.v0.CellService/Allocate", '{"cell":{"name":"no_good"}}'];
    const { code, stderr } = await fixture.aer(words);
    expect(code).toBe(5);
    expect(stderr).toStartWith("aer: call: invalid argument: cell.name: must be");
  });
});
