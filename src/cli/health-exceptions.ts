/** What the descriptors of Health do not tell about the command line (exceptions.ts). */
import {
  HealthCheckResponse_ServingStatus,
  type HealthCheckResponse,
} from "../gen/grpc/health/v1/health_pb.ts";
import type { MethodExceptions } from "./exceptions.ts";
import { EXIT } from "./exit-codes.ts";

export const HEALTH_EXCEPTIONS: MethodExceptions = {
  "grpc.health.v1.Health.Check": {
    exitCode: (answer) =>
      (answer as HealthCheckResponse).status === HealthCheckResponse_ServingStatus.SERVING
        ? EXIT.ok
        : EXIT.failed,
  },
};
