/** DiscoveryService: says that auraed is here, and which one. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { DiscoveryService } from "../../gen/aurae/discovery/v0/discovery_pb.ts";

export function createDiscoveryHandler(version: string): ServiceImpl<typeof DiscoveryService> {
  return {
    discover: () => ({ healthy: true, version }),
  };
}
