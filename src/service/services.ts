/** Every service of the API: what reflection lists, what the rules of authorization and of validation must cover. */
import type { DescService } from "@bufbuild/protobuf";
import { CellService } from "../gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../gen/aurae/discovery/v0/discovery_pb.ts";
import { MachineService } from "../gen/aurae/machine/v0/machine_pb.ts";
import { ObserveService } from "../gen/aurae/observe/v0/observe_pb.ts";
import { VmService } from "../gen/aurae/vms/v0/vms_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";

export const SERVICES: readonly DescService[] = [
  CellService,
  DiscoveryService,
  MachineService,
  ObserveService,
  VmService,
  Health,
  ServerReflection,
  ServerReflectionAlpha,
];
