/**
 * The namespace `vms` of the library: the package aurae.vms.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  ConsoleSizeSchema,
  NicSchema,
  NicStatusSchema,
  VmAttachStartSchema,
  VmAttachedSchema,
  VmEndSchema,
  VmEventSchema,
} from "../../gen/aurae/vms/v0/machines_pb.ts";
import {
  DriveMountSchema,
  RootDriveSchema,
  VirtualMachineSchema,
  VirtualMachineSummarySchema,
  VmService as VmServiceDesc,
  VmServiceAllocateRequestSchema,
  VmServiceAllocateResponseSchema,
  VmServiceAttachRequestSchema,
  VmServiceAttachResponseSchema,
  VmServiceEventsRequestSchema,
  VmServiceEventsResponseSchema,
  VmServiceFreeRequestSchema,
  VmServiceFreeResponseSchema,
  VmServiceInspectRequestSchema,
  VmServiceInspectResponseSchema,
  VmServiceListRequestSchema,
  VmServiceListResponseSchema,
  VmServicePauseRequestSchema,
  VmServicePauseResponseSchema,
  VmServiceRestoreRequestSchema,
  VmServiceRestoreResponseSchema,
  VmServiceResumeRequestSchema,
  VmServiceResumeResponseSchema,
  VmServiceSnapshotRequestSchema,
  VmServiceSnapshotResponseSchema,
  VmServiceStartRequestSchema,
  VmServiceStartResponseSchema,
  VmServiceStopRequestSchema,
  VmServiceStopResponseSchema,
  VmServiceUpdateRequestSchema,
  VmServiceUpdateResponseSchema,
  VmServiceWaitRequestSchema,
  VmServiceWaitResponseSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callBidiStream, callServerStream, callUnary } from "../calls.ts";

/**
 * VmService owns the virtual machines of one machine. Each is a process of its own, a monitor with the guest in it, in
 * a control group that bounds it. A guest goes on while the daemon is away.
 *
 * Allocate describes a machine, Start boots it, Stop ends it; it may be started again until it is freed. What a machine
 * does is asked of its monitor at every call. A request with bad fields is refused whole with INVALID_ARGUMENT and
 * lists every one of them.
 */
export class VmServiceClient extends ServiceClient {
  static override readonly name: string = "VmServiceClient";

  /**
   * Allocate describes a virtual machine and reserves its id. Nothing is opened yet: whether its files are there is seen
   * by Start.
   *
   * Errors: ALREADY_EXISTS if there is a machine of that id, or if another one has that vsock_cid, INVALID_ARGUMENT for a
   * machine with neither a root drive nor an initrd, with more devices than fit, or with a command line that is too long.
   */
  allocate(
    request: DeepPartial<VmServiceAllocateRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceAllocateResponse> {
    return callUnary(this, VmServiceDesc.method.allocate, request, options);
  }

  /**
   * Free stops a virtual machine that runs, as Stop does, and forgets it. What its console and its serial port wrote stays
   * readable. One that was never started is just forgotten.
   *
   * Errors: NOT_FOUND if there is no such machine, INTERNAL if it does not end of SIGKILL, and then it stays.
   */
  free(
    request: DeepPartial<VmServiceFreeRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceFreeResponse> {
    return callUnary(this, VmServiceDesc.method.free, request, options);
  }

  /**
   * Start boots a virtual machine, and answers when its processors run; it does not wait for what the guest does. One that
   * has ended is booted anew.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it runs already, if this host can't run virtual
   * machines (no /dev/kvm), if a file or a bridge that it names is not there or not what it should be, or if another
   * machine writes to a drive of it, RESOURCE_EXHAUSTED if the host has not as much memory, INTERNAL for what the monitor
   * failed at. A failed Start leaves nothing behind but the machine as it was.
   */
  start(
    request: DeepPartial<VmServiceStartRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceStartResponse> {
    return callUnary(this, VmServiceDesc.method.start, request, options);
  }

  /**
   * Stop ends a virtual machine that runs: its power button is pressed (ACPI), and after a grace period it is ended by
   * force. A paused one goes on for that. It can be started again.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it does not run, INTERNAL if it does not end of
   * SIGKILL.
   */
  stop(
    request: DeepPartial<VmServiceStopRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceStopResponse> {
    return callUnary(this, VmServiceDesc.method.stop, request, options);
  }

  /**
   * List answers with all virtual machines, by id.
   *
   * Errors: none of its own.
   */
  list(
    request: DeepPartial<VmServiceListRequest> = {},
    options: CallOptions = {},
  ): Promise<VmServiceListResponse> {
    return callUnary(this, VmServiceDesc.method.list, request, options);
  }

  /**
   * Inspect answers with the definition of a virtual machine, defaults filled in, and with what List tells of it. It is a
   * method of its own because a command line may hold secrets.
   *
   * Errors: NOT_FOUND if there is no such machine.
   */
  inspect(
    request: DeepPartial<VmServiceInspectRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceInspectResponse> {
    return callUnary(this, VmServiceDesc.method.inspect, request, options);
  }

  /**
   * Pause has the processors of a virtual machine stand still. Its memory stays where it is. Pausing one that is paused is
   * no error.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it does not run, INTERNAL for what the monitor
   * failed at.
   */
  pause(
    request: DeepPartial<VmServicePauseRequest>,
    options: CallOptions = {},
  ): Promise<VmServicePauseResponse> {
    return callUnary(this, VmServiceDesc.method.pause, request, options);
  }

  /**
   * Resume lets a paused virtual machine go on. For one that runs it is no error.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it does not run, INTERNAL for what the monitor
   * failed at.
   */
  resume(
    request: DeepPartial<VmServiceResumeRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceResumeResponse> {
    return callUnary(this, VmServiceDesc.method.resume, request, options);
  }

  /**
   * Update changes a virtual machine while it runs, and for its next start. What is left out stays as it is.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it is being started or freed, INVALID_ARGUMENT
   * for a balloon that leaves the guest no memory, INTERNAL for what the monitor failed at.
   */
  update(
    request: DeepPartial<VmServiceUpdateRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceUpdateResponse> {
    return callUnary(this, VmServiceDesc.method.update, request, options);
  }

  /**
   * Snapshot writes the memory and the devices of a virtual machine to a new folder of the host. A machine that runs is
   * paused meanwhile. Drives are not part of it: they have to be copied, while the machine is paused, by whoever wants
   * them as they were.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it does not run, or if the folder that the new
   * one is to be in is not there, ALREADY_EXISTS if there is something of that path, RESOURCE_EXHAUSTED if the disk is
   * full, INTERNAL for what the monitor failed at. A failed Snapshot leaves no folder behind.
   */
  snapshot(
    request: DeepPartial<VmServiceSnapshotRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceSnapshotResponse> {
    return callUnary(this, VmServiceDesc.method.snapshot, request, options);
  }

  /**
   * Restore makes a new virtual machine from a snapshot and has it go on from there. Memory is read as it is needed, so
   * the snapshot has to stay for as long as the machine runs. Several machines may come from one snapshot: each gets its
   * own id, vsock_cid, and MAC addresses.
   *
   * Errors: ALREADY_EXISTS as for Allocate, NOT_FOUND if there is no snapshot, INVALID_ARGUMENT for one that is damaged or
   * of another version, or for another number of drives or NICs than it has, FAILED_PRECONDITION, RESOURCE_EXHAUSTED and
   * INTERNAL as for Start. A failed Restore leaves nothing behind.
   */
  restore(
    request: DeepPartial<VmServiceRestoreRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceRestoreResponse> {
    return callUnary(this, VmServiceDesc.method.restore, request, options);
  }

  /**
   * Wait answers when a virtual machine has ended, at once if it already has.
   *
   * Errors: NOT_FOUND if there is no such machine, or if it is freed before it was started, FAILED_PRECONDITION if it was
   * never started.
   */
  wait(
    request: DeepPartial<VmServiceWaitRequest>,
    options: CallOptions = {},
  ): Promise<VmServiceWaitResponse> {
    return callUnary(this, VmServiceDesc.method.wait, request, options);
  }

  /**
   * Attach carries the input and the output of a virtual machine's console, or of its serial port. The machine goes on
   * when the caller goes away.
   *
   * Errors: NOT_FOUND if there is no such machine, FAILED_PRECONDITION if it does not run, INVALID_ARGUMENT for a stream
   * that does not begin with `start`.
   */
  attach(
    requests: AsyncIterable<DeepPartial<VmServiceAttachRequest>>,
    options: CallOptions = {},
  ): AsyncIterable<VmServiceAttachResponse> {
    return callBidiStream(this, VmServiceDesc.method.attach, requests, options);
  }

  /**
   * Events follows every change of the state of virtual machines, first those that have happened since a sequence number,
   * then as they come.
   *
   * Errors: OUT_OF_RANGE if events since that number are no longer kept, or if there is no event of that number yet,
   * RESOURCE_EXHAUSTED for a reader that is too slow; it may go on with the last number that it has.
   */
  events(
    request: DeepPartial<VmServiceEventsRequest>,
    options: CallOptions = {},
  ): AsyncIterable<VmServiceEventsResponse> {
    return callServerStream(this, VmServiceDesc.method.events, request, options);
  }
}

/**
 * A network interface of the guest's (virtio-net), with a TAP device of the host's on its other side.
 */
export interface Nic {
  /**
   * A bridge of the host, by its name, of which the TAP device becomes a port. Left out: it leads to the host alone.
   */
  bridge: string;
  /**
   * The guest's MAC address, of one station (unicast). Left out: it follows from the host, the machine's id and the
   * NIC's place, so that it is the same next time.
   */
  mac: string;
  /** The largest packet, in bytes. Left out: 1500. */
  mtu?: number | undefined;
}

/**
 * A network interface of the guest's (virtio-net), with a TAP device of the host's on its other side.
 */
export const Nic: MessageType<Nic> = /* @__PURE__ */ messageType(NicSchema);

/** A network interface of a machine, as the host sees it. */
export interface NicStatus {
  /** The guest's MAC address. */
  mac: string;
  /** The bridge that it leads to; empty for the host alone. */
  bridge: string;
  /** The name of its TAP device; empty unless the machine runs. */
  tap: string;
  /** The host's own address on it; empty for none. */
  hostAddress: string;
}

/** A network interface of a machine, as the host sees it. */
export const NicStatus: MessageType<NicStatus> = /* @__PURE__ */ messageType(NicStatusSchema);

/** The size of a console, in characters. */
export interface ConsoleSize {
  /** Lines. */
  rows: number;
  /** Characters in a line. */
  columns: number;
}

/** The size of a console, in characters. */
export const ConsoleSize: MessageType<ConsoleSize> = /* @__PURE__ */ messageType(ConsoleSizeSchema);

/** What to attach to. */
export interface VmAttachStart {
  /** The machine. */
  vmId: string;
  /** Which port of it. */
  port: VmPort;
}

/** What to attach to. */
export const VmAttachStart: MessageType<VmAttachStart> = /* @__PURE__ */ messageType(VmAttachStartSchema);

/** A machine's console is connected. */
export interface VmAttached {
  // Nothing is in it.
}

/** A machine's console is connected. */
export const VmAttached: MessageType<VmAttached> = /* @__PURE__ */ messageType(VmAttachedSchema);

/** How a machine ended. */
export interface VmEnd {
  /** By whom. */
  kind: VmEndKind;
  /** More about it, for people. */
  message: string;
  /** When, in milliseconds since 1970 (UTC); 0 when nobody saw it. */
  endedAtMs: number;
}

/** How a machine ended. */
export const VmEnd: MessageType<VmEnd> = /* @__PURE__ */ messageType(VmEndSchema);

/** A change of the state of a machine. */
export interface VmEvent {
  /** Its number: each event has one more than the one before it, for as long as the host runs. */
  sequence: number;
  /** When it happened, in milliseconds since 1970 (UTC). */
  timestampMs: number;
  /** The machine. */
  vmId: string;
  /** What happened. */
  kind: VmEventKind;
  /** The process id of its monitor, for STARTED, ADOPTED and ENDED. */
  hostPid: number;
  /** How it ended, for ENDED. */
  end?: VmEnd | undefined;
  /** More about it, for people. */
  detail: string;
}

/** A change of the state of a machine. */
export const VmEvent: MessageType<VmEvent> = /* @__PURE__ */ messageType(VmEventSchema);

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
  /**
   * How long the guest has between the power button and its end by force, in milliseconds. Left out: 10 s.
   */
  gracePeriodMs?: number | undefined;
  /**
   * Whether the power button is left out: the guest ends at once, with what it has not written yet lost.
   */
  force: boolean;
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
  /** The process id of its monitor. */
  hostPid: number;
}

/** The machine boots. */
export const VmServiceStartResponse: MessageType<VmServiceStartResponse> = /* @__PURE__ */ messageType(VmServiceStartResponseSchema);

/** Names the machine to end. */
export interface VmServiceStopRequest {
  /** Its id. */
  vmId: string;
  /**
   * How long the guest has between the power button and its end by force, in milliseconds. Left out: 10 s.
   */
  gracePeriodMs?: number | undefined;
  /**
   * Whether the power button is left out: the guest ends at once, with what it has not written yet lost.
   */
  force: boolean;
}

/** Names the machine to end. */
export const VmServiceStopRequest: MessageType<VmServiceStopRequest> = /* @__PURE__ */ messageType(VmServiceStopRequestSchema);

/** The machine has ended. */
export interface VmServiceStopResponse {
  /** How. */
  end?: VmEnd | undefined;
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

/** Names the machine to look at. */
export interface VmServiceInspectRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to look at. */
export const VmServiceInspectRequest: MessageType<VmServiceInspectRequest> = /* @__PURE__ */ messageType(VmServiceInspectRequestSchema);

/** A machine as it was asked for, and as it is. */
export interface VmServiceInspectResponse {
  /** What asks for the same machine again, with the defaults of all that was left out. */
  machine?: VirtualMachine | undefined;
  /** What it does. */
  summary?: VirtualMachineSummary | undefined;
}

/** A machine as it was asked for, and as it is. */
export const VmServiceInspectResponse: MessageType<VmServiceInspectResponse> = /* @__PURE__ */ messageType(VmServiceInspectResponseSchema);

/** Names the machine to pause. */
export interface VmServicePauseRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to pause. */
export const VmServicePauseRequest: MessageType<VmServicePauseRequest> = /* @__PURE__ */ messageType(VmServicePauseRequestSchema);

/** Its processors stand still. */
export interface VmServicePauseResponse {
  // Nothing is in it.
}

/** Its processors stand still. */
export const VmServicePauseResponse: MessageType<VmServicePauseResponse> = /* @__PURE__ */ messageType(VmServicePauseResponseSchema);

/** Names the machine that is to go on. */
export interface VmServiceResumeRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine that is to go on. */
export const VmServiceResumeRequest: MessageType<VmServiceResumeRequest> = /* @__PURE__ */ messageType(VmServiceResumeRequestSchema);

/** Its processors run again. */
export interface VmServiceResumeResponse {
  // Nothing is in it.
}

/** Its processors run again. */
export const VmServiceResumeResponse: MessageType<VmServiceResumeResponse> = /* @__PURE__ */ messageType(VmServiceResumeResponseSchema);

/** Says what is to be changed of a machine. */
export interface VmServiceUpdateRequest {
  /** Its id. */
  vmId: string;
  /**
   * Memory that the guest is to give back to the host, in MiB: the size of its balloon. The guest does so as far as it
   * can spare it.
   */
  balloonMb?: number | undefined;
}

/** Says what is to be changed of a machine. */
export const VmServiceUpdateRequest: MessageType<VmServiceUpdateRequest> = /* @__PURE__ */ messageType(VmServiceUpdateRequestSchema);

/** The machine is changed. */
export interface VmServiceUpdateResponse {
  /** The size of its balloon that was asked for, in MiB. */
  balloonMb: number;
}

/** The machine is changed. */
export const VmServiceUpdateResponse: MessageType<VmServiceUpdateResponse> = /* @__PURE__ */ messageType(VmServiceUpdateResponseSchema);

/** Says what to write where. */
export interface VmServiceSnapshotRequest {
  /** The machine. */
  vmId: string;
  /** The folder to make, on the host. It is for root alone: it has the guest's memory in it. */
  path: string;
}

/** Says what to write where. */
export const VmServiceSnapshotRequest: MessageType<VmServiceSnapshotRequest> = /* @__PURE__ */ messageType(VmServiceSnapshotRequestSchema);

/** The snapshot is written. */
export interface VmServiceSnapshotResponse {
  /** How much was written, in bytes. Memory that the guest never touched takes no room. */
  writtenBytes: number;
}

/** The snapshot is written. */
export const VmServiceSnapshotResponse: MessageType<VmServiceSnapshotResponse> = /* @__PURE__ */ messageType(VmServiceSnapshotResponseSchema);

/** Says what is to go on as which machine. */
export interface VmServiceRestoreRequest {
  /** The id of the new machine. */
  vmId: string;
  /** The folder that Snapshot made. */
  path: string;
  /**
   * The images of its drives on the host, the root drive's first, in the place of all that the snapshot names. Left out:
   * those. What the guest may write to can belong to one running machine only.
   */
  drivePaths: string[];
  /**
   * Its NICs, in the place of all that the snapshot names. Left out: those, with MAC addresses of their own. A guest that
   * goes on knows the address that it had, until it looks again; one whose init is auraed does so at once.
   */
  nics: Nic[];
  /** Its context id on vsock. Left out: one that no other machine has. */
  vsockCid?: number | undefined;
  /** Whether it stays paused until Resume. */
  paused: boolean;
}

/** Says what is to go on as which machine. */
export const VmServiceRestoreRequest: MessageType<VmServiceRestoreRequest> = /* @__PURE__ */ messageType(VmServiceRestoreRequestSchema);

/** The machine goes on. */
export interface VmServiceRestoreResponse {
  /** Where an auraed in the guest answers, empty if there is no way to it. */
  auraedAddress: string;
  /** The process id of its monitor. */
  hostPid: number;
}

/** The machine goes on. */
export const VmServiceRestoreResponse: MessageType<VmServiceRestoreResponse> = /* @__PURE__ */ messageType(VmServiceRestoreResponseSchema);

/** Names the machine to wait for. */
export interface VmServiceWaitRequest {
  /** Its id. */
  vmId: string;
}

/** Names the machine to wait for. */
export const VmServiceWaitRequest: MessageType<VmServiceWaitRequest> = /* @__PURE__ */ messageType(VmServiceWaitRequestSchema);

/** The machine has ended. */
export interface VmServiceWaitResponse {
  /** How. */
  end?: VmEnd | undefined;
}

/** The machine has ended. */
export const VmServiceWaitResponse: MessageType<VmServiceWaitResponse> = /* @__PURE__ */ messageType(VmServiceWaitResponseSchema);

/** First `start`, then input as it comes. */
export interface VmServiceAttachRequest {
  /**
   * What to attach to. The first message, and only that.
   *
   * At most one of start, input, resize.
   */
  start?: VmAttachStart | undefined;
  /**
   * Bytes that are typed.
   *
   * At most one of start, input, resize.
   */
  input?: Uint8Array | undefined;
  /**
   * The console has another size now.
   *
   * At most one of start, input, resize.
   */
  resize?: ConsoleSize | undefined;
}

/** First `start`, then input as it comes. */
export const VmServiceAttachRequest: MessageType<VmServiceAttachRequest> = /* @__PURE__ */ messageType(VmServiceAttachRequestSchema);

/** What a machine's console does. */
export interface VmServiceAttachResponse {
  /**
   * It is connected. The first message.
   *
   * At most one of attached, output, missedBytes, end.
   */
  attached?: VmAttached | undefined;
  /**
   * Bytes of its output.
   *
   * At most one of attached, output, missedBytes, end.
   */
  output?: Uint8Array | undefined;
  /**
   * How many bytes of output were missed just here, since this reader was too slow. What is kept of it has them.
   *
   * At most one of attached, output, missedBytes, end.
   */
  missedBytes?: number | undefined;
  /**
   * The machine has ended. The last message.
   *
   * At most one of attached, output, missedBytes, end.
   */
  end?: VmEnd | undefined;
}

/** What a machine's console does. */
export const VmServiceAttachResponse: MessageType<VmServiceAttachResponse> = /* @__PURE__ */ messageType(VmServiceAttachResponseSchema);

/** Says which events are wanted. */
export interface VmServiceEventsRequest {
  /**
   * The sequence number of the last event that the caller has; events after it come first. Left out: from now on.
   */
  afterSequence?: number | undefined;
  /** Only of this machine. Left out: of all. */
  vmId?: string | undefined;
}

/** Says which events are wanted. */
export const VmServiceEventsRequest: MessageType<VmServiceEventsRequest> = /* @__PURE__ */ messageType(VmServiceEventsRequestSchema);

/** One change. */
export interface VmServiceEventsResponse {
  /** The change. */
  event?: VmEvent | undefined;
}

/** One change. */
export const VmServiceEventsResponse: MessageType<VmServiceEventsResponse> = /* @__PURE__ */ messageType(VmServiceEventsResponseSchema);

/** A machine as List shows it. */
export interface VirtualMachineSummary {
  /** Its id. */
  id: string;
  /** What it does: Created, Running, Paused or Shutdown. */
  status: string;
  /** Memory in MiB. */
  memSizeMb: number;
  /** Number of virtual processors. */
  vcpuCount: number;
  /** The kernel image on the host. */
  kernelImgPath: string;
  /** The image of the root drive on the host. */
  rootDirPath: string;
  /** Where an auraed in the guest answers, empty if there is no way to it. */
  auraedAddress: string;
  /** The process id of its monitor; 0 unless it runs. */
  hostPid: number;
  /** When it was started last, in milliseconds since 1970 (UTC); 0 for never. */
  startedAtMs: number;
  /** How it ended the last time; left out while it runs, and before. */
  end?: VmEnd | undefined;
  /** Its NICs, as the host sees them; the names of their devices only while it runs. */
  nics: NicStatus[];
  /** Its context id on vsock. */
  vsockCid: number;
  /**
   * The Unix socket of the host by which its vsock is reached: `CONNECT <port>` and a newline come first.
   */
  vsockPath: string;
  /** Memory that the guest is to give back, in MiB. */
  balloonMb: number;
  /**
   * Whether its monitor did not answer in time, so that its status is the last one that is known.
   */
  unresponsive: boolean;
  /** Memory that the guest has given back by now, in MiB, as its driver says; 0 unless it runs. */
  balloonActualMb: number;
}

/** A machine as List shows it. */
export const VirtualMachineSummary: MessageType<VirtualMachineSummary> = /* @__PURE__ */ messageType(VirtualMachineSummarySchema);

/** A virtual machine. */
export interface VirtualMachine {
  /**
   * Its id: 1 to 63 letters, digits and inner hyphens. It is the guest's host name, too, where the guest runs auraed.
   */
  id: string;
  /** Memory in MiB. */
  memSizeMb: number;
  /** Number of virtual processors. */
  vcpuCount: number;
  /** The kernel image on the host: an ELF file (vmlinux) or a bzImage (vmlinuz). */
  kernelImgPath: string;
  /** The kernel's command line, a part each. They are joined by spaces, to at most 2,047 bytes. */
  kernelArgs: string[];
  /**
   * The drive its root file system is on, /dev/vda in the guest. May be left out with an initrd.
   */
  rootDrive?: RootDrive | undefined;
  /** Further drives, in the order in which the guest has them. */
  driveMounts: DriveMount[];
  /**
   * Where an auraed in the guest answers. Left out: it follows from the first NIC, `[fe80::2%<interface>]:8080`.
   */
  auraedAddress: string;
  /**
   * Initial file systems on the host: cpio archives, each of which may be compressed, unpacked one after the other.
   */
  initrdPaths: string[];
  /** Its NICs, eth0 first. Left out: one that leads to the host, and to nobody else. */
  nics: Nic[];
  /** Whether it has no NIC at all. */
  noNics: boolean;
  /** Its context id on vsock. Left out: one that no other machine has. */
  vsockCid?: number | undefined;
  /**
   * Memory that the guest is to give back to the host from its start, in MiB: the size of its balloon.
   */
  balloonMb: number;
  /** The size of its console. Left out: 80 columns and 24 rows. */
  console?: ConsoleSize | undefined;
  /**
   * How much is kept of what its console wrote, and of what its serial port did, in bytes each, 64 KiB at least. Left out: 16 MiB.
   */
  outputMaxBytes?: number | undefined;
}

/** A virtual machine. */
export const VirtualMachine: MessageType<VirtualMachine> = /* @__PURE__ */ messageType(VirtualMachineSchema);

/** The drive of the root file system. */
export interface RootDrive {
  /** The image on the host: a raw one, or a block device. */
  imagePath: string;
  /** Whether the guest can't write to it. */
  readOnly: boolean;
}

/** The drive of the root file system. */
export const RootDrive: MessageType<RootDrive> = /* @__PURE__ */ messageType(RootDriveSchema);

/** A further drive. */
export interface DriveMount {
  /** The image on the host: a raw one, or a block device. */
  imagePath: string;
  /** Where the guest mounts it, if the guest runs auraed and has an initrd. Left out: nowhere. */
  vmPath: string;
  /** The file system on it, such as ext4. Left out: the guest finds out. */
  fsType: string;
  /** Whether the guest can't write to it. */
  readOnly: boolean;
}

/** A further drive. */
export const DriveMount: MessageType<DriveMount> = /* @__PURE__ */ messageType(DriveMountSchema);

/** A way to type into a machine. */
export enum VmPort {
  /** The console. */
  UNSPECIFIED = 0,
  /** The console. */
  VM_PORT_UNSPECIFIED = 0,
  /** The virtio console, hvc0. */
  CONSOLE = 1,
  /** The virtio console, hvc0. */
  VM_PORT_CONSOLE = 1,
  /** The serial port, ttyS0. */
  SERIAL = 2,
  /** The serial port, ttyS0. */
  VM_PORT_SERIAL = 2,
}

/** By whom a machine ended. */
export enum VmEndKind {
  /** Nobody saw it: it ended while the daemon was not there. */
  UNSPECIFIED = 0,
  /** Nobody saw it: it ended while the daemon was not there. */
  VM_END_KIND_UNSPECIFIED = 0,
  /** The guest turned itself off. */
  OFF = 1,
  /** The guest turned itself off. */
  VM_END_KIND_OFF = 1,
  /** The guest wanted a reset, such as a reboot. It is not booted again by itself. */
  RESET = 2,
  /** The guest wanted a reset, such as a reboot. It is not booted again by itself. */
  VM_END_KIND_RESET = 2,
  /** The guest crashed, as a real machine would: a triple fault. */
  CRASH = 3,
  /** The guest crashed, as a real machine would: a triple fault. */
  VM_END_KIND_CRASH = 3,
  /** The monitor or KVM failed. */
  FAILED = 4,
  /** The monitor or KVM failed. */
  VM_END_KIND_FAILED = 4,
  /** It was killed: by Stop or Free after the grace period, or by somebody else. */
  KILLED = 5,
  /** It was killed: by Stop or Free after the grace period, or by somebody else. */
  VM_END_KIND_KILLED = 5,
}

/** What happened to a machine. */
export enum VmEventKind {
  /** Not told. */
  UNSPECIFIED = 0,
  /** Not told. */
  VM_EVENT_KIND_UNSPECIFIED = 0,
  /** It was described. */
  ALLOCATED = 1,
  /** It was described. */
  VM_EVENT_KIND_ALLOCATED = 1,
  /** It runs. */
  STARTED = 2,
  /** It runs. */
  VM_EVENT_KIND_STARTED = 2,
  /** Its processors stand still. */
  PAUSED = 3,
  /** Its processors stand still. */
  VM_EVENT_KIND_PAUSED = 3,
  /** They go on. */
  RESUMED = 4,
  /** They go on. */
  VM_EVENT_KIND_RESUMED = 4,
  /** It was changed. */
  UPDATED = 5,
  /** It was changed. */
  VM_EVENT_KIND_UPDATED = 5,
  /** A snapshot of it was written. */
  SNAPSHOT = 6,
  /** A snapshot of it was written. */
  VM_EVENT_KIND_SNAPSHOT = 6,
  /** It is being stopped. */
  STOPPING = 7,
  /** It is being stopped. */
  VM_EVENT_KIND_STOPPING = 7,
  /** It has ended. */
  ENDED = 8,
  /** It has ended. */
  VM_EVENT_KIND_ENDED = 8,
  /** It is forgotten. */
  FREED = 9,
  /** It is forgotten. */
  VM_EVENT_KIND_FREED = 9,
  /** A daemon that came back goes on with it. */
  ADOPTED = 10,
  /** A daemon that came back goes on with it. */
  VM_EVENT_KIND_ADOPTED = 10,
}
