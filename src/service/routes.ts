/**
 * Every service of the API and the handler behind it. What is registered here is what reflection lists, what health
 * knows, and what the table of rules must cover.
 */
import type { ConnectRouter, Interceptor, ServiceImpl } from "@connectrpc/connect";
import { CellService } from "../gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../gen/aurae/discovery/v0/discovery_pb.ts";
import { MachineService } from "../gen/aurae/machine/v0/machine_pb.ts";
import { ObserveService } from "../gen/aurae/observe/v0/observe_pb.ts";
import { VmService } from "../gen/aurae/vms/v0/vms_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { deadlineInterceptor } from "./deadline.ts";
import { createDiscoveryHandler } from "./discovery/handler.ts";
import { errorInterceptor } from "./errors.ts";
import { createHealthHandler } from "./health/handler.ts";
import { type HealthRegistry, ServingStatus } from "./health/registry.ts";
import { createMachineHandler, type MachineControl } from "./machine/handler.ts";
import { createReflectionHandlers } from "./reflection/handler.ts";
import { SERVICES } from "./services.ts";
import { validationInterceptor } from "./validation.ts";

export interface RouteDeps {
  readonly version: string;
  readonly health: HealthRegistry;
  /** Undefined where auraed is not the machine's init. */
  readonly machine: MachineControl | undefined;
  /** Methods that are left out answer UNIMPLEMENTED. */
  readonly cells?: Partial<ServiceImpl<typeof CellService>>;
  /** As with the cells. */
  readonly observe?: Partial<ServiceImpl<typeof ObserveService>>;
  /** As with the cells. */
  readonly vms?: Partial<ServiceImpl<typeof VmService>>;
}

/** In this order around every handler: deadlines outermost, then errors, which see what those after them throw. */
export const INTERCEPTORS: readonly Interceptor[] = [
  deadlineInterceptor,
  errorInterceptor,
  validationInterceptor,
];

/** Registers what health knows from the start. */
function registerHealth(health: HealthRegistry): void {
  health.set("", ServingStatus.SERVING);
  for (const service of [
    CellService,
    DiscoveryService,
    MachineService,
    ObserveService,
    VmService,
  ]) {
    health.set(service.typeName, ServingStatus.SERVING);
  }
}

export function createRoutes(deps: RouteDeps): (router: ConnectRouter) => void {
  registerHealth(deps.health);
  const reflection = createReflectionHandlers(() => SERVICES);
  return (router) => {
    router
      .service(CellService, deps.cells ?? {})
      .service(DiscoveryService, createDiscoveryHandler(deps.version))
      .service(MachineService, createMachineHandler(deps.machine))
      .service(ObserveService, deps.observe ?? {})
      .service(VmService, deps.vms ?? {})
      .service(Health, createHealthHandler(deps.health))
      .service(ServerReflection, reflection.v1)
      .service(ServerReflectionAlpha, reflection.v1alpha);
  };
}
