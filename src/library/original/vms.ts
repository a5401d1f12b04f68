/** The module `vms` of scripts for Aurae, with what its API once had and its examples still call. */
import * as vms from "../gen/vms.ts";
import type { DeepPartial } from "../message/types.ts";
import type { CallOptions } from "../service-client.ts";

export * from "../gen/vms.ts";

export type VmServiceCreateRequest = vms.VmServiceAllocateRequest;
export type VmServiceCreateResponse = vms.VmServiceAllocateResponse;

export class VmServiceClient extends vms.VmServiceClient {
  /** `allocate`, by its name of then. */
  create(
    request: DeepPartial<VmServiceCreateRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceCreateResponse> {
    return this.allocate(request, options);
  }
}
