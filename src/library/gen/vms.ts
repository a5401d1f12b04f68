/**
 * The namespace `vms` of the library: the package aurae.vms.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  DriveMountSchema,
  RootDriveSchema,
  VirtualMachineSchema,
  VirtualMachineSummarySchema,
  VmService as VmServiceDesc,
  VmServiceAllocateRequestSchema,
  VmServiceAllocateResponseSchema,
  VmServiceFreeRequestSchema,
  VmServiceFreeResponseSchema,
  VmServiceListRequestSchema,
  VmServiceListResponseSchema,
  VmServiceStartRequestSchema,
  VmServiceStartResponseSchema,
  VmServiceStopRequestSchema,
  VmServiceStopResponseSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callUnary } from "../calls.ts";

/** VmService owns the virtual machines of one machine. */
export class VmServiceClient extends ServiceClient {
  static override readonly name: string = "VmServiceClient";

  /** Allocate describes a virtual machine and reserves its id. */
  allocate(
    request: DeepPartial<VmServiceAllocateRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceAllocateResponse> {
    return callUnary(this, VmServiceDesc.method.allocate, request, options);
  }

  /** Free stops a virtual machine that runs, and forgets it. */
  free(
    request: DeepPartial<VmServiceFreeRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceFreeResponse> {
    return callUnary(this, VmServiceDesc.method.free, request, options);
  }

  /** Start boots a virtual machine. */
  start(
    request: DeepPartial<VmServiceStartRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceStartResponse> {
    return callUnary(this, VmServiceDesc.method.start, request, options);
  }

  /** Stop ends a virtual machine that runs; it can be started again. */
  stop(
    request: DeepPartial<VmServiceStopRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceStopResponse> {
    return callUnary(this, VmServiceDesc.method.stop, request, options);
  }

  /** List answers with all virtual machines. */
  list(
    request: DeepPartial<VmServiceListRequest> = {},
    options: CallOptions = {},
  ): Promise<VmServiceListResponse> {
    return callUnary(this, VmServiceDesc.method.list, request, options);
  }
}

/** Describes a virtual machine. */
export interface VmServiceAllocateRequest {
  /** The machine. */
  machine?: VirtualMachine | undefined;
}

/** Describes a virtual machine. */
export const VmServiceAllocateRequest: MessageType<VmServiceAllocateRequest> = /* @__PURE__ */ messageType(VmServiceAllocateRequestSchema);

/** Tells which machine was described. */
export interface VmServiceAllocateResponse {
  /** Its id. */
  vmId: string;
}

/** Tells which machine was described. */
export const VmServiceAllocateResponse: MessageType<VmServiceAllocateResponse> = /* @__PURE__ */ messageType(VmServiceAllocateResponseSchema);

/** Names the machine to forget. */
export interface VmServiceFreeRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to forget. */
export const VmServiceFreeRequest: MessageType<VmServiceFreeRequest> = /* @__PURE__ */ messageType(VmServiceFreeRequestSchema);

/** The machine is gone. */
export interface VmServiceFreeResponse {
  // Nothing is in it.
}

/** The machine is gone. */
export const VmServiceFreeResponse: MessageType<VmServiceFreeResponse> = /* @__PURE__ */ messageType(VmServiceFreeResponseSchema);

/** Names the machine to boot. */
export interface VmServiceStartRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to boot. */
export const VmServiceStartRequest: MessageType<VmServiceStartRequest> = /* @__PURE__ */ messageType(VmServiceStartRequestSchema);

/** The machine boots. */
export interface VmServiceStartResponse {
  /** Where an auraed in the guest answers, empty if there is no way to it. */
  auraedAddress: string;
}

/** The machine boots. */
export const VmServiceStartResponse: MessageType<VmServiceStartResponse> = /* @__PURE__ */ messageType(VmServiceStartResponseSchema);

/** Names the machine to end. */
export interface VmServiceStopRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to end. */
export const VmServiceStopRequest: MessageType<VmServiceStopRequest> = /* @__PURE__ */ messageType(VmServiceStopRequestSchema);

/** The machine has ended. */
export interface VmServiceStopResponse {
  // Nothing is in it.
}

/** The machine has ended. */
export const VmServiceStopResponse: MessageType<VmServiceStopResponse> = /* @__PURE__ */ messageType(VmServiceStopResponseSchema);

/** Asks for the machines. */
export interface VmServiceListRequest {
  // Nothing is in it.
}

/** Asks for the machines. */
export const VmServiceListRequest: MessageType<VmServiceListRequest> = /* @__PURE__ */ messageType(VmServiceListRequestSchema);

/** The machines. */
export interface VmServiceListResponse {
  /** Each machine, by id. */
  machines: VirtualMachineSummary[];
}

/** The machines. */
export const VmServiceListResponse: MessageType<VmServiceListResponse> = /* @__PURE__ */ messageType(VmServiceListResponseSchema);

/** A machine as List shows it. */
export interface VirtualMachineSummary {
  /** Its id. */
  id: string;
  /** What it does: Created, Running or Shutdown. */
  status: string;
  /** Memory in MiB. */
  memSizeMb: number;
  /** Number of virtual processors. */
  vcpuCount: number;
  /** The kernel image on the host. */
  kernelImgPath: string;
  /** The image of the root drive on the host. */
  rootDirPath: string;
  /** Where an auraed in the guest answers. */
  auraedAddress: string;
}

/** A machine as List shows it. */
export const VirtualMachineSummary: MessageType<VirtualMachineSummary> = /* @__PURE__ */ messageType(VirtualMachineSummarySchema);

/** A virtual machine. */
export interface VirtualMachine {
  /** Its id. */
  id: string;
  /** Memory in MiB. */
  memSizeMb: number;
  /** Number of virtual processors. */
  vcpuCount: number;
  /** The kernel image on the host. */
  kernelImgPath: string;
  /** The kernel's command line, a part each. */
  kernelArgs: string[];
  /** The drive its root file system is on. */
  rootDrive?: RootDrive | undefined;
  /** Further drives. */
  driveMounts: DriveMount[];
  /** Where an auraed in the guest answers. */
  auraedAddress: string;
}

/** A virtual machine. */
export const VirtualMachine: MessageType<VirtualMachine> = /* @__PURE__ */ messageType(VirtualMachineSchema);

/** The drive of the root file system. */
export interface RootDrive {
  /** The image on the host. */
  imagePath: string;
  /** Whether the guest can't write to it. */
  readOnly: boolean;
}

/** The drive of the root file system. */
export const RootDrive: MessageType<RootDrive> = /* @__PURE__ */ messageType(RootDriveSchema);

/** A further drive. */
export interface DriveMount {
  /** The image on the host. */
  imagePath: string;
  /** Where the guest mounts it. */
  vmPath: string;
  /** The file system on it. */
  fsType: string;
  /** Whether the guest can't write to it. */
  readOnly: boolean;
}

/** A further drive. */
export const DriveMount: MessageType<DriveMount> = /* @__PURE__ */ messageType(DriveMountSchema);
