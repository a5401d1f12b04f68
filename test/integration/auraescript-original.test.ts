/** Scripts in the shapes that Aurae's own have, which import its generated files by path or use its first global. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TestDaemon } from "../harness/daemon.ts";
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

describe("modules of auraescript/gen", () => {
  test("cells.ts and aurae.ts run a tree of cells", async () => {
    const text = `#!/usr/bin/env auraescript
import * as aurae from "../auraescript/gen/aurae.ts";
import * as cells from "../auraescript/gen/cells.ts";

let client = await aurae.createClient();
let service = new cells.CellServiceClient(client);
const cellName = "outer";

console.log("Allocated:", await service.allocate(<cells.CellServiceAllocateRequest>{
    cell: cells.Cell.fromPartial({ name: cellName, isolateProcess: true, isolateNetwork: false })
}));
let started = await service.start(<cells.CellServiceStartRequest>{
    cellName,
    executable: cells.Executable.fromPartial({
        command: "sleep 42",
        description: "sleep for a while",
        name: "sleeper"
    })
});
console.log("Started:", started.pid);
await service.allocate(<cells.CellServiceAllocateRequest>{
    cell: cells.Cell.fromPartial({ name: "outer/inner" })
});
let listed = await service.list(<cells.CellServiceListRequest>{});
console.log("Listed:", listed.cells[0].children[0].cell.name);
await service.stop(<cells.CellServiceStopRequest>{ cellName, executableName: "sleeper" });
await service.free(<cells.CellServiceFreeRequest>{ cellName: "outer/inner" });
console.log("Freed:", await service.free(<cells.CellServiceFreeRequest>{ cellName }));
`;
    expect(await scripts.runText(text)).toEqual({
      code: 0,
      stdout: `Allocated: {
  cellName: "outer",
  cgroupV2: true,
}
Started: 2
Listed: outer/inner
Freed: {}
`,
      stderr: "",
    });
  });

  test("aurae.ts makes clients of every kind, as a default import, too", async () => {
    const options = {
      ca_crt: daemon.pki("ca.crt"),
      client_crt: daemon.pki("_signed.client.nova.crt"),
      client_key: daemon.pki("client.nova.key"),
      socket: daemon.socket,
    };
    const text = `
import aurae from "../auraescript/gen/aurae.ts";
import * as discovery from "../auraescript/gen/discovery.ts";
const path = ${JSON.stringify(scripts.path("config"))};
for (const options of [
  undefined, { kind: "default" }, { kind: "path", path }, { path },
  ${JSON.stringify({ kind: "opts", ...options })}, ${JSON.stringify(options)},
]) {
  const service = new discovery.DiscoveryServiceClient(await aurae.createClient(options));
  console.log((await service.discover(<discovery.DiscoverRequest>{})).healthy);
}
`;
    expect((await scripts.runText(text)).stdout).toBe("true\n".repeat(6));
  });

  test("grpc_health.ts and health.ts ask for the health of services", async () => {
    const text = `
import * as aurae from "../../elsewhere/auraescript/gen/aurae.ts";
import * as grpc_health from "../auraescript/gen/grpc_health.ts";
import { HealthClient } from "../auraescript/gen/health.ts";
const client = await aurae.createClient();
console.log(await new grpc_health.HealthClient(client).check(<grpc_health.HealthCheckRequest>{ service: "" }));
console.log(grpc_health.HealthClient === HealthClient);
await new HealthClient(client).check({ service: "aurae.runtime.v0.UnknownService" });
`;
    const { code, stdout, stderr } = await scripts.runText(text);
    expect(stdout).toBe("{\n  status: 1,\n}\ntrue\n");
    expect(stderr).toStartWith("ConnectError: [not_found] ");
    expect(code).toBe(1);
  });

  test("observe.ts follows output, with the names of its enums", async () => {
    const text = `
import * as cells from "../auraescript/gen/cells.ts";
import * as observe from "../auraescript/gen/observe.ts";
const service = new cells.CellServiceClient();
await service.allocate({ cell: cells.Cell.fromPartial({ name: "said" }) });
const { pid } = await service.start({
  cellName: "said",
  executable: cells.Executable.fromPartial({ name: "echo", command: "echo word; exec sleep 100" }),
});
const request = <observe.GetSubProcessStreamRequest>{
  channelType: observe.LogChannelType.LOG_CHANNEL_TYPE_STDOUT,
  processId: pid,
};
for await (const { item } of new observe.ObserveServiceClient().getSubProcessStream(request)) {
  console.log(item.channel, item.line, typeof item.timestamp);
  break;
}
await service.free({ cellName: "said" });
`;
    expect(await scripts.runText(text)).toEqual({
      code: 0,
      stdout: "echo::stdout word number\n",
      stderr: "",
    });
  });

  test("vms.ts has what it once had", async () => {
    const text = `
import * as vms from "../auraescript/gen/vms.ts";
const service = new vms.VmServiceClient();
const machine = vms.VirtualMachine.fromPartial({
  id: "vm", vcpuCount: 2, memSizeMb: 1024, kernelImgPath: "/vmlinux",
  rootDrive: vms.RootDrive.fromPartial({ imagePath: "/disk" }),
});
const { vmId } = await service.create(<vms.VmServiceCreateRequest>{ machine });
const { machines: [vm] } = await service.list({});
console.log(vmId, vm.status, vm.memSizeMb, vm.rootDirPath);
await service.free({ vmId });
`;
    expect(await scripts.runText(text)).toEqual({
      code: 0,
      stdout: "vm Created 1024 /disk\n",
      stderr: "",
    });
  });
});

describe("the global runtime", () => {
  test("runs the requests of then: an executable names its cell", async () => {
    const text = `
let cells = new runtime.CellServiceClient();
let allocated = await cells.allocate(<runtime.AllocateCellRequest>{
  cell: runtime.Cell.fromPartial({ name: "then" })
});
let started = await cells.start(<runtime.StartExecutableRequest>{
  executable: runtime.Executable.fromPartial({
    cellName: "then",
    command: "sleep 4000",
    name: "sleep-4000"
  })
});
let { cells: [node] } = await cells.list();
console.log(allocated.cellName, node.executables[0].pid === started.pid);
await cells.stop(<runtime.StopExecutableRequest>{ cellName: "then", executableName: "sleep-4000" });
console.log(await cells.free(<runtime.FreeCellRequest>{ cellName: "then" }));
`;
    expect(await scripts.runText(text)).toEqual({
      code: 0,
      stdout: "then true\n{}\n",
      stderr: "",
    });
  });

  test("can be a variable of the script's own", async () => {
    const text = "var runtime = 3;\nglobalThis.runtime = 4;\nconsole.log(runtime);\n";
    expect((await scripts.runText(text)).stdout).toBe("3\n");
  });
});
