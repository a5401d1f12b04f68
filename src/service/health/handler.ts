/** grpc.health.v1.Health over a registry (gRPC's doc/health-checking.md). */
import type { ServiceImpl } from "@connectrpc/connect";
import { AuraeError } from "../../base/errors.ts";
import type { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import type { HealthRegistry } from "./registry.ts";

export function createHealthHandler(registry: HealthRegistry): ServiceImpl<typeof Health> {
  return {
    check({ service }) {
      const status = registry.get(service);
      if (status === undefined) {
        throw new AuraeError("not_found", `service ${JSON.stringify(service)} is not registered`, {
          resource: service,
        });
      }
      return { status };
    },
    async *watch({ service }, context) {
      for await (const status of registry.watch(service, context.signal)) {
        yield { status };
      }
    },
  };
}
