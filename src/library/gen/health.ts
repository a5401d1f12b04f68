/**
 * The namespace `health` of the library: the package grpc.health.v1. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  Health as HealthDesc,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callServerStream, callUnary } from "../calls.ts";

/** Health tells whether services take requests. */
export class HealthClient extends ServiceClient {
  static override readonly name: string = "HealthClient";

  /**
   * Check answers with the status of a service now.
   *
   * Errors: NOT_FOUND for a service that the daemon does not have.
   */
  check(
    request: DeepPartial<HealthCheckRequest>,
    options: CallOptions = {},
  ): Promise<HealthCheckResponse> {
    return callUnary(this, HealthDesc.method.check, request, options);
  }

  /**
   * Watch answers with the status of a service now and then whenever it changes. A service that the daemon does
   * not have is SERVICE_UNKNOWN.
   *
   * Errors: none of its own.
   */
  watch(
    request: DeepPartial<HealthCheckRequest>,
    options: CallOptions = {},
  ): AsyncIterable<HealthCheckResponse> {
    return callServerStream(this, HealthDesc.method.watch, request, options);
  }
}

/** Names a service. */
export interface HealthCheckRequest {
  /** The full name, `aurae.cells.v0.CellService`. Empty: the daemon as a whole. */
  service: string;
}

/** Names a service. */
export const HealthCheckRequest: MessageType<HealthCheckRequest> = /* @__PURE__ */ messageType(HealthCheckRequestSchema);

/** A status. */
export interface HealthCheckResponse {
  /** The status. */
  status: HealthCheckResponse_ServingStatus;
}

/** A status. */
export const HealthCheckResponse: MessageType<HealthCheckResponse> = /* @__PURE__ */ messageType(HealthCheckResponseSchema);

/** Whether a service takes requests. */
export enum HealthCheckResponse_ServingStatus {
  /** Not known. */
  UNKNOWN = 0,
  /** It takes requests. */
  SERVING = 1,
  /** It does not. */
  NOT_SERVING = 2,
  /** There is no such service. Only Watch answers this. */
  SERVICE_UNKNOWN = 3,
}
