/**
 * Every service a client can call, by the name of its group in `aer`. For who needs them all; a command loads its own
 * (cli/groups.ts), and a test holds the two against each other.
 */
import type { DescService } from "@bufbuild/protobuf";
import { CellService } from "../gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../gen/aurae/discovery/v0/discovery_pb.ts";
import { MachineService } from "../gen/aurae/machine/v0/machine_pb.ts";
import { ObserveService } from "../gen/aurae/observe/v0/observe_pb.ts";
import { VmService } from "../gen/aurae/vms/v0/vms_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";

export interface ServiceGroup {
  /** The group's name on the command line. */
  readonly name: string;
  readonly service: DescService;
}

export const SERVICE_GROUPS: readonly ServiceGroup[] = [
  { name: "cell", service: CellService },
  { name: "discovery", service: DiscoveryService },
  { name: "health", service: Health },
  { name: "machine", service: MachineService },
  { name: "observe", service: ObserveService },
  { name: "vm", service: VmService },
];
