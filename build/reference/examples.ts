/**
 * The requests that the API reference shows, in protobuf's JSON: one of each method, or all of a stream. The examples for
 * curl, `aer` and AuraeScript are made from these (snippets.ts), and a test checks them.
 */
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";

const CELL: readonly JsonObject[] = [{ cellName: "web" }];
const EXECUTABLE: readonly JsonObject[] = [{ cellName: "web", executableName: "server" }];
const VM: readonly JsonObject[] = [{ vmId: "db" }];
const REFLECTION: readonly JsonObject[] = [
  { listServices: "" },
  { fileContainingSymbol: "aurae.cells.v0.CellService" },
];

/** By the method's full name. One whose request has no fields needs none. */
const EXAMPLES: Readonly<Record<string, readonly JsonObject[]>> = {
  "aurae.cells.v0.CellService.Allocate": [
    { cell: { name: "web", isolateProcess: true, memory: { max: "268435456" } } },
  ],
  "aurae.cells.v0.CellService.Free": CELL,
  "aurae.cells.v0.CellService.Start": [
    {
      cellName: "web",
      executable: {
        name: "server",
        args: ["sleep", "1000"],
        description: "Sleep for 1000 seconds",
        restart: { mode: "RESTART_MODE_ON_FAILURE" },
      },
      uid: 1000,
      gid: 1000,
    },
  ],
  "aurae.cells.v0.CellService.Stop": [
    { cellName: "web", executableName: "server", gracePeriodMs: 2000 },
  ],
  "aurae.cells.v0.CellService.Update": [
    { cellName: "web", memory: { max: "536870912" }, pids: { max: "100" } },
  ],
  "aurae.cells.v0.CellService.Freeze": CELL,
  "aurae.cells.v0.CellService.Thaw": CELL,
  "aurae.cells.v0.CellService.Status": CELL,
  "aurae.cells.v0.CellService.Wait": EXECUTABLE,
  "aurae.cells.v0.CellService.Run": [
    {
      cell: { name: "job", isolateProcess: true },
      executable: { name: "report", args: ["date", "--utc"] },
    },
  ],
  "aurae.cells.v0.CellService.Events": [{ afterSequence: "0", cellName: "web" }],
  "aurae.cells.v0.CellService.Exec": [
    { start: { cellName: "web", args: ["ls", "/"], workingDirectory: "/tmp" } },
    { stdinEnd: true },
  ],
  "aurae.cells.v0.CellService.Attach": [{ start: { cellName: "web", executableName: "server" } }],
  "aurae.observe.v0.ObserveService.GetSubProcessStream": [
    {
      cellName: "web",
      executableName: "server",
      channelType: "LOG_CHANNEL_TYPE_STDOUT",
      tail: 10,
    },
  ],
  "aurae.observe.v0.ObserveService.GetPosixSignalsStream": [
    { workload: { workloadType: "WORKLOAD_TYPE_CELL", id: "web" } },
  ],
  "aurae.vms.v0.VmService.Allocate": [
    {
      machine: {
        id: "db",
        memSizeMb: 512,
        vcpuCount: 2,
        kernelImgPath: "/var/lib/aurae/vmlinuz",
        kernelArgs: ["console=hvc0", "root=/dev/vda1", "rw"],
        rootDrive: { imagePath: "/var/lib/aurae/db.img" },
      },
    },
  ],
  "aurae.vms.v0.VmService.Free": VM,
  "aurae.vms.v0.VmService.Start": VM,
  "aurae.vms.v0.VmService.Stop": [{ vmId: "db", gracePeriodMs: 30_000 }],
  "aurae.vms.v0.VmService.Inspect": VM,
  "aurae.vms.v0.VmService.Pause": VM,
  "aurae.vms.v0.VmService.Resume": VM,
  "aurae.vms.v0.VmService.Update": [{ vmId: "db", balloonMb: 128 }],
  "aurae.vms.v0.VmService.Snapshot": [{ vmId: "db", path: "/var/lib/aurae/db-snapshot" }],
  "aurae.vms.v0.VmService.Restore": [
    {
      vmId: "db-2",
      path: "/var/lib/aurae/db-snapshot",
      drivePaths: ["/var/lib/aurae/db-2.img"],
    },
  ],
  "aurae.vms.v0.VmService.Wait": VM,
  "aurae.vms.v0.VmService.Attach": [{ start: { vmId: "db", port: "VM_PORT_CONSOLE" } }],
  "aurae.vms.v0.VmService.Events": [{ afterSequence: "0", vmId: "db" }],
  "grpc.health.v1.Health.Check": [{ service: "aurae.cells.v0.CellService" }],
  "grpc.health.v1.Health.Watch": [{ service: "aurae.cells.v0.CellService" }],
  "grpc.reflection.v1.ServerReflection.ServerReflectionInfo": REFLECTION,
  "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo": REFLECTION,
};

/** The requests of a method's example. @throws {Error} where there is none */
export function exampleOf({ parent, name, input }: DescMethod): readonly JsonObject[] {
  const key = `${parent.typeName}.${name}`;
  const requests = EXAMPLES[key] ?? (input.fields.length === 0 ? [{}] : undefined);
  if (requests === undefined) {
    throw new Error(`${key} has no example: give it one in build/reference/examples.ts`);
  }
  return requests;
}

/** The names that have an example here, for a test that looks for methods that are gone. */
export const EXAMPLE_NAMES: readonly string[] = Object.keys(EXAMPLES);
