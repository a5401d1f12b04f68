/**
 * Which roles may call which method: one line for every method there is. A method without a line is refused to
 * everybody, and a test holds this table and the services against each other, both ways.
 */

/**
 * What a principal can be granted. `boot` is the machine's own script, and counts only for connections from the machine
 * itself. It is root there by what it can start, as `admin` is: what it lacks is methods, not power.
 */
export const ROLES = ["admin", "reader", "boot"] as const;
export type Role = (typeof ROLES)[number];

/** `any`: every peer with a certificate of our CA. Otherwise one of these roles. */
export type Rule = "any" | readonly Role[];

const ADMIN: Rule = ["admin"];
/** What a machine runs. The methods about its power are not among it, though what is run as root can do the same. */
const RUN: Rule = ["admin", "boot"];
const READ: Rule = ["reader", "admin", "boot"];

export const RULES: Readonly<Record<string, Rule>> = {
  "aurae.cells.v0.CellService/Allocate": RUN,
  "aurae.cells.v0.CellService/Free": RUN,
  "aurae.cells.v0.CellService/Start": RUN,
  "aurae.cells.v0.CellService/Stop": RUN,
  "aurae.cells.v0.CellService/Update": RUN,
  "aurae.cells.v0.CellService/Freeze": RUN,
  "aurae.cells.v0.CellService/Thaw": RUN,
  "aurae.cells.v0.CellService/Run": RUN,
  "aurae.cells.v0.CellService/Exec": RUN,
  "aurae.cells.v0.CellService/Attach": RUN,
  "aurae.cells.v0.CellService/Inspect": RUN,
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
  "aurae.vms.v0.VmService/Allocate": RUN,
  "aurae.vms.v0.VmService/Free": RUN,
  "aurae.vms.v0.VmService/Start": RUN,
  "aurae.vms.v0.VmService/Stop": RUN,
  "aurae.vms.v0.VmService/Inspect": RUN,
  "aurae.vms.v0.VmService/Pause": RUN,
  "aurae.vms.v0.VmService/Resume": RUN,
  "aurae.vms.v0.VmService/Update": RUN,
  "aurae.vms.v0.VmService/Snapshot": RUN,
  "aurae.vms.v0.VmService/Restore": RUN,
  "aurae.vms.v0.VmService/Attach": RUN,
  "aurae.vms.v0.VmService/List": READ,
  "aurae.vms.v0.VmService/Wait": READ,
  "aurae.vms.v0.VmService/Events": READ,
  "grpc.health.v1.Health/Check": "any",
  "grpc.health.v1.Health/Watch": "any",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "any",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "any",
};
