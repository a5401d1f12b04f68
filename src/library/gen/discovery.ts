/**
 * The namespace `discovery` of the library: the package aurae.discovery.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  DiscoverRequestSchema,
  DiscoverResponseSchema,
  DiscoveryService as DiscoveryServiceDesc,
} from "../../gen/aurae/discovery/v0/discovery_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callUnary } from "../calls.ts";

/** DiscoveryService tells a caller that auraed is here and which one. */
export class DiscoveryServiceClient extends ServiceClient {
  static override readonly name: string = "DiscoveryServiceClient";

  /**
   * Discover answers with the daemon's version. Any caller with a certificate of the CA may ask.
   *
   * Errors: none of its own.
   */
  discover(
    request: DeepPartial<DiscoverRequest> = {},
    options: CallOptions = {},
  ): Promise<DiscoverResponse> {
    return callUnary(this, DiscoveryServiceDesc.method.discover, request, options);
  }
}

/** Asks who is there. */
export interface DiscoverRequest {
  // Nothing is in it.
}

/** Asks who is there. */
export const DiscoverRequest: MessageType<DiscoverRequest> = /* @__PURE__ */ messageType(DiscoverRequestSchema);

/** Who is there. */
export interface DiscoverResponse {
  /** Whether the daemon takes requests. */
  healthy: boolean;
  /** The daemon's version, as in its change log. */
  version: string;
}

/** Who is there. */
export const DiscoverResponse: MessageType<DiscoverResponse> = /* @__PURE__ */ messageType(DiscoverResponseSchema);
