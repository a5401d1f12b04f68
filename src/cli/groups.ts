/**
 * The groups of commands, each with its service and what the descriptors do not tell of it. A group is loaded when it is
 * named: the messages of cells with the rules of their fields are more than half of what `aer` could load, and a call of
 * another service needs none of them.
 */
import type { ServiceGroup } from "../client/services.ts";
import type { ExtraCommand, MethodExceptions } from "./exceptions.ts";

export interface CommandGroup extends ServiceGroup {
  readonly exceptions: MethodExceptions;
  /** Commands that no method stands for alone. */
  readonly extras: readonly ExtraCommand[];
}

const LOADERS: Readonly<Record<string, () => Promise<Omit<CommandGroup, "name">>>> = {
  cell: async () => {
    const { CellService } = await import("../gen/aurae/cells/v0/cells_pb.ts");
    const { CELL_EXCEPTIONS, CELL_COMMANDS } = await import("./cell-exceptions.ts");
    return { service: CellService, exceptions: CELL_EXCEPTIONS, extras: CELL_COMMANDS };
  },
  discovery: async () => {
    const { DiscoveryService } = await import("../gen/aurae/discovery/v0/discovery_pb.ts");
    return { service: DiscoveryService, exceptions: {}, extras: [] };
  },
  health: async () => {
    const { Health } = await import("../gen/grpc/health/v1/health_pb.ts");
    const { HEALTH_EXCEPTIONS } = await import("./health-exceptions.ts");
    return { service: Health, exceptions: HEALTH_EXCEPTIONS, extras: [] };
  },
  machine: async () => {
    const { MachineService } = await import("../gen/aurae/machine/v0/machine_pb.ts");
    return { service: MachineService, exceptions: {}, extras: [] };
  },
  observe: async () => {
    const { ObserveService } = await import("../gen/aurae/observe/v0/observe_pb.ts");
    const { OBSERVE_EXCEPTIONS } = await import("./exceptions.ts");
    return { service: ObserveService, exceptions: OBSERVE_EXCEPTIONS, extras: [] };
  },
  vm: async () => {
    const { VmService } = await import("../gen/aurae/vms/v0/vms_pb.ts");
    const { VM_EXCEPTIONS, VM_COMMANDS } = await import("./vm-exceptions.ts");
    return { service: VmService, exceptions: VM_EXCEPTIONS, extras: VM_COMMANDS };
  },
};

export const GROUP_NAMES: readonly string[] = Object.keys(LOADERS);

/** The groups of these names, in their own order; other words are passed over. */
export async function loadGroups(
  words: readonly string[] = GROUP_NAMES,
): Promise<readonly CommandGroup[]> {
  const wanted = Object.entries(LOADERS).filter(([name]) => words.includes(name));
  return await Promise.all(wanted.map(async ([name, load]) => ({ name, ...(await load()) })));
}
