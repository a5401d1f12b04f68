/**
 * Which roles may call which method: one line for every method there is. A method without a line is refused to
 * everybody, and a test holds this table and the services against each other, both ways.
 */

/** What a principal can be granted. */
export const ROLES = ["admin", "reader"] as const;
export type Role = (typeof ROLES)[number];

/** `any`: every peer with a certificate of our CA. Otherwise one of these roles. */
export type Rule = "any" | readonly Role[];

const ADMIN: Rule = ["admin"];
const READ: Rule = ["reader", "admin"];

export const RULES: Readonly<Record<string, Rule>> = {
  "aurae.cells.v0.CellService/Allocate": ADMIN,
  "aurae.cells.v0.CellService/Free": ADMIN,
  "aurae.cells.v0.CellService/Start": ADMIN,
  "aurae.cells.v0.CellService/Stop": ADMIN,
  "aurae.cells.v0.CellService/Update": ADMIN,
  "aurae.cells.v0.CellService/Freeze": ADMIN,
  "aurae.cells.v0.CellService/Thaw": ADMIN,
  "aurae.cells.v0.CellService/Run": ADMIN,
  "aurae.cells.v0.CellService/Exec": ADMIN,
  "aurae.cells.v0.CellService/Attach": ADMIN,
  "aurae.cells.v0.CellService/Inspect": ADMIN,
  "aurae.cells.v0.CellService/List": READ,
  "aurae.cells.v0.CellService/Status": READ,
  "aurae.cells.v0.CellService/Wait": READ,
  "aurae.cells.v0.CellService/Events": READ,
  "aurae.discovery.v0.DiscoveryService/Discover": "any",
  "aurae.machine.v0.MachineService/PowerOff": ADMIN,
  "aurae.machine.v0.MachineService/Reboot": ADMIN,
  "aurae.observe.v0.ObserveService/GetAuraeDaemonLogStream": READ,
  "aurae.observe.v0.ObserveService/GetSubProcessStream": READ,
  "aurae.observe.v0.ObserveService/GetPosixSignalsStream": READ,
  "aurae.vms.v0.VmService/Allocate": ADMIN,
  "aurae.vms.v0.VmService/Free": ADMIN,
  "aurae.vms.v0.VmService/Start": ADMIN,
  "aurae.vms.v0.VmService/Stop": ADMIN,
  "aurae.vms.v0.VmService/List": READ,
  "grpc.health.v1.Health/Check": "any",
  "grpc.health.v1.Health/Watch": "any",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "any",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "any",
};
