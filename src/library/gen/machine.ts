/**
 * The namespace `machine` of the library: the package aurae.machine.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  MachineService as MachineServiceDesc,
  PowerOffRequestSchema,
  PowerOffResponseSchema,
  RebootRequestSchema,
  RebootResponseSchema,
} from "../../gen/aurae/machine/v0/machine_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callUnary } from "../calls.ts";

/**
 * MachineService ends and restarts the machine.
 *
 * Both calls answer first and act then: workloads are stopped, file systems are synced, and the kernel is told.
 * Where auraed is not the machine's init, both answer FAILED_PRECONDITION.
 */
export class MachineServiceClient extends ServiceClient {
  static override readonly name: string = "MachineServiceClient";

  /**
   * PowerOff stops all workloads and switches the machine off.
   *
   * Errors: FAILED_PRECONDITION where auraed is not the machine's init.
   */
  powerOff(
    request: DeepPartial<PowerOffRequest> = {},
    options: CallOptions = {},
  ): Promise<PowerOffResponse> {
    return callUnary(this, MachineServiceDesc.method.powerOff, request, options);
  }

  /**
   * Reboot stops all workloads and starts the machine anew.
   *
   * Errors: FAILED_PRECONDITION where auraed is not the machine's init.
   */
  reboot(
    request: DeepPartial<RebootRequest> = {},
    options: CallOptions = {},
  ): Promise<RebootResponse> {
    return callUnary(this, MachineServiceDesc.method.reboot, request, options);
  }
}

/** Asks for the machine to be switched off. */
export interface PowerOffRequest {
  // Nothing is in it.
}

/** Asks for the machine to be switched off. */
export const PowerOffRequest: MessageType<PowerOffRequest> = /* @__PURE__ */ messageType(PowerOffRequestSchema);

/** The machine is about to switch off. */
export interface PowerOffResponse {
  // Nothing is in it.
}

/** The machine is about to switch off. */
export const PowerOffResponse: MessageType<PowerOffResponse> = /* @__PURE__ */ messageType(PowerOffResponseSchema);

/** Asks for the machine to be started anew. */
export interface RebootRequest {
  // Nothing is in it.
}

/** Asks for the machine to be started anew. */
export const RebootRequest: MessageType<RebootRequest> = /* @__PURE__ */ messageType(RebootRequestSchema);

/** The machine is about to start anew. */
export interface RebootResponse {
  // Nothing is in it.
}

/** The machine is about to start anew. */
export const RebootResponse: MessageType<RebootResponse> = /* @__PURE__ */ messageType(RebootResponseSchema);
