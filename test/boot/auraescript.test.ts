/** Scripts with limits, which need the controllers of the test VM: over TCP, by the executable of this host. */
import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { inRoot } from "../../build/paths.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { inGuest } from "../harness/in-guest.ts";
import { fencesOf } from "../harness/readme.ts";
import { Scripts } from "../harness/script.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { vmTest } from "../harness/vm-test.ts";

let vm: TestVm;
let scripts: Scripts;

beforeAll(async () => {
  // The script of the README asks for the processor 2.
  vm = await bootVm({ name: "auraescript", cpus: 3 });
  scripts = new Scripts({ ...vm.pki, socket: vm.address });
}, 120_000);

afterAll(async () => {
  scripts?.[Symbol.dispose]();
  await vm?.kill();
});

const scriptTest = (name: string, body: () => Promise<void>): void => vmTest(name, () => vm, body);

scriptTest("the README's script runs as it is, with the meaning that its fields had", async () => {
  const script = fencesOf(readFileSync(inRoot("README.md"), "utf8"), "README.md").find(
    ({ language, body }) => language === "ts" && body.includes("runtime.CellServiceClient"),
  );
  expect(await scripts.runText(script?.body ?? "")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await inGuest(vm, "cat /sys/fs/cgroup/my-cell/cpuset.cpus")).toBe("2");
  const { cells } = await vm.client(CellService).list({});
  expect(cells[0]?.executables[0]).toMatchObject({
    name: "sleep-4000",
    command: "sleep 4000",
    description: "Sleep for 4000 seconds",
  });
  await vm.client(CellService).free({ cellName: "my-cell" });
});

scriptTest("a script for Aurae sets limits, nested", async () => {
  const text = `
import * as aurae from "../auraescript/gen/aurae.ts";
import * as cells from "../auraescript/gen/cells.ts";
const service = new cells.CellServiceClient(await aurae.createClient());
for (const name of ["limited", "limited/inner"]) {
  await service.allocate(<cells.CellServiceAllocateRequest>{
    cell: cells.Cell.fromPartial({
      name,
      cpu: cells.CpuController.fromPartial({ weight: 2, max: 400 * (10 ** 3) }),
      memory: cells.MemoryController.fromPartial({ high: 50000000, max: 2n ** 40n }),
    })
  });
}
const { cells: [node] } = await service.list(<cells.CellServiceListRequest>{});
console.log(JSON.stringify(node.children[0].cell));
`;
  expect(await scripts.runText(text)).toEqual({
    code: 0,
    stdout:
      '{"name":"limited/inner","cpu":{"weight":2,"max":400000},"memory":{"high":50000000,"max":1099511627776},"isolateProcess":false,"isolateNetwork":false}\n',
    stderr: "",
  });
  const files = "cd /sys/fs/cgroup/limited && cat cpu.weight cpu.max memory.high";
  expect(await inGuest(vm, files)).toBe("2\n400000 100000\n49999872");
  await vm.client(CellService).free({ cellName: "limited" });
});

scriptTest("a 64-bit limit that no number holds comes back as it was", async () => {
  const text = `
import { cells } from "aurae";
const service = new cells.CellServiceClient();
const max = 2n ** 62n - 4096n;
await service.allocate({ cell: { name: "large", memory: { max } } });
const { cells: [node] } = await service.list();
console.log(node?.cell?.memory?.max as unknown === max);
await service.free({ cellName: "large" });
`;
  expect((await scripts.runText(text)).stdout).toBe("true\n");
  expect((await vm.client(Health).check({})).status).toBe(1);
});
