/**
 * The namespace `cells` of the library: the package aurae.cells.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  CapabilitySetSchema,
  CellEventSchema,
  HealthCheckSchema,
  PrivilegesSchema,
  ReadinessSchema,
  ResourceLimitSchema,
  ResourceUsageSchema,
  RestartPolicySchema,
  StopPolicySchema,
  TerminalSizeSchema,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import {
  CellPressureSchema,
  CellUsageSchema,
  HugetlbControllerSchema,
  IoControllerSchema,
  IoDeviceLimitSchema,
  OutputLimitsSchema,
  PidsControllerSchema,
  PressureSchema,
  PressureShareSchema,
} from "../../gen/aurae/cells/v0/limits_pb.ts";
import {
  AttachStartSchema,
  AttachedSchema,
  CellGraphNodeSchema,
  CellSchema,
  CellService as CellServiceDesc,
  CellServiceAllocateRequestSchema,
  CellServiceAllocateResponseSchema,
  CellServiceAttachRequestSchema,
  CellServiceAttachResponseSchema,
  CellServiceEventsRequestSchema,
  CellServiceEventsResponseSchema,
  CellServiceExecRequestSchema,
  CellServiceExecResponseSchema,
  CellServiceFreeRequestSchema,
  CellServiceFreeResponseSchema,
  CellServiceFreezeRequestSchema,
  CellServiceFreezeResponseSchema,
  CellServiceInspectRequestSchema,
  CellServiceInspectResponseSchema,
  CellServiceListRequestSchema,
  CellServiceListResponseSchema,
  CellServiceRunRequestSchema,
  CellServiceRunResponseSchema,
  CellServiceStartRequestSchema,
  CellServiceStartResponseSchema,
  CellServiceStatusRequestSchema,
  CellServiceStatusResponseSchema,
  CellServiceStopRequestSchema,
  CellServiceStopResponseSchema,
  CellServiceThawRequestSchema,
  CellServiceThawResponseSchema,
  CellServiceUpdateRequestSchema,
  CellServiceUpdateResponseSchema,
  CellServiceWaitRequestSchema,
  CellServiceWaitResponseSchema,
  CpuControllerSchema,
  CpusetControllerSchema,
  ExecStartSchema,
  ExecStartedSchema,
  ExecutableSchema,
  ExecutableSummarySchema,
  ExitStatusSchema,
  MemoryControllerSchema,
  StartedOnceSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callBidiStream, callServerStream, callUnary } from "../calls.ts";

/**
 * CellService owns the cells of one machine and the executables that run in them.
 *
 * Names of nested cells are paths: `a/b` is the cell `b` inside the cell `a`, and `a` has to be allocated
 * first. A request with bad fields is refused whole with INVALID_ARGUMENT and lists every one of them.
 */
export class CellServiceClient extends ServiceClient {
  static override readonly name: string = "CellServiceClient";

  /**
   * Allocate makes a cell: its control group and the limits asked for.
   *
   * Errors: ALREADY_EXISTS if the cell is allocated, NOT_FOUND if its parent is not, FAILED_PRECONDITION if a
   * control group of that name exists that auraed did not make, if the kernel does not offer a controller
   * that a limit needs, if its parent is frozen, or if one of both is being freed, INVALID_ARGUMENT for a limit
   * that the kernel refuses, RESOURCE_EXHAUSTED if the machine has no room for one more. A failed Allocate leaves
   * nothing behind.
   */
  allocate(
    request: DeepPartial<CellServiceAllocateRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceAllocateResponse> {
    return callUnary(this, CellServiceDesc.method.allocate, request, options);
  }

  /**
   * Free stops every executable in a cell and in the cells below it, and removes them all.
   *
   * Errors: NOT_FOUND if the cell is not allocated, FAILED_PRECONDITION if a control group of that name exists
   * that auraed did not make, INTERNAL if a process does not end of SIGKILL, and then the cell stays.
   */
  free(
    request: DeepPartial<CellServiceFreeRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceFreeResponse> {
    return callUnary(this, CellServiceDesc.method.free, request, options);
  }

  /**
   * Start runs an executable in a cell, or beside the daemon when no cell is named.
   *
   * Errors: NOT_FOUND if the cell is not allocated, ALREADY_EXISTS if the cell has an executable of that name
   * that was not stopped yet, FAILED_PRECONDITION if the cell is frozen or being freed, if an executable that it
   * requires does not run, if it is to be started once a boot and was, or, in no cell, if its name is that of the
   * machine's own script, INVALID_ARGUMENT for a user, group or capability that there is not, RESOURCE_EXHAUSTED if
   * the machine has no room for one more, INTERNAL naming the step of the launch that failed.
   */
  start(
    request: DeepPartial<CellServiceStartRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceStartResponse> {
    return callUnary(this, CellServiceDesc.method.start, request, options);
  }

  /**
   * Stop ends an executable: SIGTERM to its process group, then, after a grace period, SIGKILL to all that is
   * left of its process tree. An executable that has already ended is forgotten, which is not an error.
   *
   * Errors: NOT_FOUND if the cell or the executable does not exist, INTERNAL if a process does not end of SIGKILL.
   */
  stop(
    request: DeepPartial<CellServiceStopRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceStopResponse> {
    return callUnary(this, CellServiceDesc.method.stop, request, options);
  }

  /**
   * Update changes limits of an allocated cell while its executables go on. What is left out stays as it is.
   *
   * Errors: NOT_FOUND if the cell is not allocated, FAILED_PRECONDITION if the kernel does not offer a controller
   * that a limit needs, or if the cell is being freed, INVALID_ARGUMENT for a limit that the kernel refuses. Then
   * none of them is changed; INTERNAL if one could not be put back.
   */
  update(
    request: DeepPartial<CellServiceUpdateRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceUpdateResponse> {
    return callUnary(this, CellServiceDesc.method.update, request, options);
  }

  /**
   * Freeze stops the processor for every process in a cell and in the cells below it, and answers when all stand
   * still. Freezing a frozen cell is no error.
   *
   * Errors: NOT_FOUND if the cell is not allocated, FAILED_PRECONDITION if it is being freed, DEADLINE_EXCEEDED if a
   * process does not stand still in time, and then all go on.
   */
  freeze(
    request: DeepPartial<CellServiceFreezeRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceFreezeResponse> {
    return callUnary(this, CellServiceDesc.method.freeze, request, options);
  }

  /**
   * Thaw lets a frozen cell go on.
   *
   * Errors: NOT_FOUND if the cell is not allocated, FAILED_PRECONDITION if a cell that it is in is frozen, or if it
   * is being freed, DEADLINE_EXCEEDED if it does not go on in time.
   */
  thaw(
    request: DeepPartial<CellServiceThawRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceThawResponse> {
    return callUnary(this, CellServiceDesc.method.thaw, request, options);
  }

  /**
   * Status reads what a cell uses, and how long its processes had to wait for it.
   *
   * Errors: NOT_FOUND if the cell is not allocated.
   */
  status(
    request: DeepPartial<CellServiceStatusRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceStatusResponse> {
    return callUnary(this, CellServiceDesc.method.status, request, options);
  }

  /**
   * Wait answers when an executable has ended, at once if it already has. One that will be restarted has not ended.
   *
   * Errors: NOT_FOUND if the cell or the executable does not exist, or is removed meanwhile.
   */
  wait(
    request: DeepPartial<CellServiceWaitRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceWaitResponse> {
    return callUnary(this, CellServiceDesc.method.wait, request, options);
  }

  /**
   * Run allocates a cell, starts an executable in it, waits until that has ended for good, and frees the cell. What the
   * executable printed stays readable, by its process id or by the names of both. When the caller goes away, the
   * executable is stopped and the cell freed.
   *
   * Errors: those of Allocate, Start and Free. Whatever fails, the cell is freed.
   */
  run(
    request: DeepPartial<CellServiceRunRequest>,
    options: CallOptions = {},
  ): Promise<CellServiceRunResponse> {
    return callUnary(this, CellServiceDesc.method.run, request, options);
  }

  /**
   * Events follows every change of the state of cells and executables, first those that have happened since a sequence
   * number, then as they come.
   *
   * Errors: OUT_OF_RANGE if events since that number are no longer kept, or if there is no event of that number yet,
   * RESOURCE_EXHAUSTED for a reader that is too slow; it may go on with the last number that it has.
   */
  events(
    request: DeepPartial<CellServiceEventsRequest>,
    options: CallOptions = {},
  ): AsyncIterable<CellServiceEventsResponse> {
    return callServerStream(this, CellServiceDesc.method.events, request, options);
  }

  /**
   * Exec runs a further process in a cell and carries its input and output, with or without a terminal. It ends with
   * the stream: when the caller goes away, the process gets SIGHUP and then SIGKILL.
   *
   * Errors: NOT_FOUND if the cell is not allocated, FAILED_PRECONDITION if it is frozen or being freed, or if the
   * program or its working directory is not there, INVALID_ARGUMENT for a stream that does not begin with `start`,
   * INTERNAL naming another step of the launch that failed.
   */
  exec(
    requests: AsyncIterable<DeepPartial<CellServiceExecRequest>>,
    options: CallOptions = {},
  ): AsyncIterable<CellServiceExecResponse> {
    return callBidiStream(this, CellServiceDesc.method.exec, requests, options);
  }

  /**
   * Attach carries the input and the output of an executable that runs. It goes on when the caller goes away.
   *
   * Errors: NOT_FOUND if the cell or the executable does not exist, FAILED_PRECONDITION if it does not run, and for
   * input to an executable that has none, INVALID_ARGUMENT for a stream that does not begin with `start`.
   */
  attach(
    requests: AsyncIterable<DeepPartial<CellServiceAttachRequest>>,
    options: CallOptions = {},
  ): AsyncIterable<CellServiceAttachResponse> {
    return callBidiStream(this, CellServiceDesc.method.attach, requests, options);
  }

  /**
   * List answers with the whole tree of allocated cells, each with the limits it was allocated with.
   *
   * Errors: none of its own.
   */
  list(
    request: DeepPartial<CellServiceListRequest> = {},
    options: CallOptions = {},
  ): Promise<CellServiceListResponse> {
    return callUnary(this, CellServiceDesc.method.list, request, options);
  }

  /**
   * Inspect answers with what List does, with the definition of every executable, and with what is not started again
   * before the machine boots: what one has to know to tell whether all is as it should be. It is a method of its own because an environment may hold secrets.
   *
   * Errors: none of its own.
   */
  inspect(
    request: DeepPartial<CellServiceInspectRequest> = {},
    options: CallOptions = {},
  ): Promise<CellServiceInspectResponse> {
    return callUnary(this, CellServiceDesc.method.inspect, request, options);
  }
}

/**
 * Who an executable runs as and what it may do. What is left out follows from the user: root keeps what the daemon
 * has; anybody else gets no capabilities, no new privileges, and the seccomp profile DEFAULT.
 */
export interface Privileges {
  /** The user, by name or number. */
  user: string;
  /** The group, by name or number. Left out: the user's. */
  group: string;
  /** Supplementary groups, by name or number. Left out: none. */
  supplementaryGroups: string[];
  /**
   * The capabilities that it has (capabilities(7)), such as `CAP_NET_BIND_SERVICE`; no process of it gets others.
   */
  capabilities?: CapabilitySet | undefined;
  /** Whether execve(2) can give it more than it has (PR_SET_NO_NEW_PRIVS). */
  noNewPrivileges?: boolean | undefined;
  /** Which system calls it can make. */
  seccomp: SeccompProfile;
}

/**
 * Who an executable runs as and what it may do. What is left out follows from the user: root keeps what the daemon
 * has; anybody else gets no capabilities, no new privileges, and the seccomp profile DEFAULT.
 */
export const Privileges: MessageType<Privileges> = /* @__PURE__ */ messageType(PrivilegesSchema);

/** A set of capabilities. */
export interface CapabilitySet {
  /** By name. None is a set, too. */
  names: string[];
}

/** A set of capabilities. */
export const CapabilitySet: MessageType<CapabilitySet> = /* @__PURE__ */ messageType(CapabilitySetSchema);

/** A bound of getrlimit(2). */
export interface ResourceLimit {
  /** The bound in force. Left out: none. */
  soft?: number | undefined;
  /** The bound that the process may raise it to. Left out: none. */
  hard?: number | undefined;
}

/** A bound of getrlimit(2). */
export const ResourceLimit: MessageType<ResourceLimit> = /* @__PURE__ */ messageType(ResourceLimitSchema);

/** How an executable is asked to end. */
export interface StopPolicy {
  /** The signal, by number. Left out: SIGTERM. */
  signal?: number | undefined;
  /** How long its processes have before SIGKILL, in milliseconds. Left out: 10 s. */
  gracePeriodMs?: number | undefined;
}

/** How an executable is asked to end. */
export const StopPolicy: MessageType<StopPolicy> = /* @__PURE__ */ messageType(StopPolicySchema);

/** What happens when an executable ends by itself. */
export interface RestartPolicy {
  /** When it is started again. */
  mode: RestartMode;
  /** How long before the first time, in milliseconds. It doubles each time. Left out: 100 ms. */
  backoffMs?: number | undefined;
  /** How long at most. Left out: 60 s. An executable that ran for ten times as long begins anew. */
  maxBackoffMs?: number | undefined;
  /**
   * The most starts within the interval; one more, and it has failed. 0 for no limit. Left out: 5.
   */
  startLimit?: number | undefined;
  /** The interval, in milliseconds. Left out: 10 s. */
  startLimitIntervalMs?: number | undefined;
}

/** What happens when an executable ends by itself. */
export const RestartPolicy: MessageType<RestartPolicy> = /* @__PURE__ */ messageType(RestartPolicySchema);

/** When an executable counts as started. */
export interface Readiness {
  /** How it says so. */
  mode: ReadinessMode;
  /** With FD: the number of the descriptor. Left out: 3. */
  fd?: number | undefined;
  /**
   * How long it may take, in milliseconds; one that takes longer is stopped. 0 for no limit. Left out: 90 s.
   */
  timeoutMs?: number | undefined;
}

/** When an executable counts as started. */
export const Readiness: MessageType<Readiness> = /* @__PURE__ */ messageType(ReadinessSchema);

/** A command that is run in the cell every so often; it works if the command ends with 0. */
export interface HealthCheck {
  /** The command line, run by `sh -c`. */
  command: string;
  /**
   * How long between the end of one check and the start of the next, in milliseconds. Left out: 10 s.
   */
  intervalMs?: number | undefined;
  /** How long a check may take. Left out: 5 s. */
  timeoutMs?: number | undefined;
  /** How many checks in a row have to fail. Left out: 3. */
  retries?: number | undefined;
  /** How long after the start failures do not count, in milliseconds. Left out: 0. */
  startPeriodMs?: number | undefined;
}

/** A command that is run in the cell every so often; it works if the command ends with 0. */
export const HealthCheck: MessageType<HealthCheck> = /* @__PURE__ */ messageType(HealthCheckSchema);

/** What an executable used, with all of its process tree. */
export interface ResourceUsage {
  /** Processor time in user mode, in microseconds. */
  cpuUserUsec: number;
  /** Processor time in the kernel, in microseconds. */
  cpuSystemUsec: number;
  /** The most memory of its first process, in bytes; 0 when nobody saw its end. */
  maxRssBytes: number;
}

/** What an executable used, with all of its process tree. */
export const ResourceUsage: MessageType<ResourceUsage> = /* @__PURE__ */ messageType(ResourceUsageSchema);

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** Lines. */
  rows: number;
  /** Characters in a line. */
  columns: number;
}

/** The size of a terminal, in characters. */
export const TerminalSize: MessageType<TerminalSize> = /* @__PURE__ */ messageType(TerminalSizeSchema);

/** A change of the state of a cell or of an executable. */
export interface CellEvent {
  /**
   * Its number: each event has one more than the one before it, for as long as the machine runs.
   */
  sequence: number;
  /** When it happened, in milliseconds since 1970 (UTC). */
  timestampMs: number;
  /** The full name of the cell; empty for an executable without one. */
  cellName: string;
  /** The name of the executable; empty for an event of the cell itself. */
  executableName: string;
  /** What happened. */
  kind: CellEventKind;
  /** The process id as the machine sees it, for STARTED, READY and EXITED. */
  hostPid: number;
  /** How the first process ended, for EXITED: its exit code, or -1 when it has none. */
  exitCode: number;
  /** The signal that ended it, for EXITED; 0 for none. */
  exitSignal: number;
  /** More about it, for people. */
  detail: string;
}

/** A change of the state of a cell or of an executable. */
export const CellEvent: MessageType<CellEvent> = /* @__PURE__ */ messageType(CellEventSchema);

/** The number of processes (kernel: Documentation/admin-guide/cgroup-v2.rst, "PID"). */
export interface PidsController {
  /** The most processes and threads at a time; 0 for no limit. File: pids.max. */
  max?: number | undefined;
}

/** The number of processes (kernel: Documentation/admin-guide/cgroup-v2.rst, "PID"). */
export const PidsController: MessageType<PidsController> = /* @__PURE__ */ messageType(PidsControllerSchema);

/** Block devices (kernel: Documentation/admin-guide/cgroup-v2.rst, "IO"). */
export interface IoController {
  /** The share among siblings, 1 to 10000. The kernel's default is 100. File: io.weight. */
  weight?: number | undefined;
  /** Bounds for single devices. File: io.max. */
  devices: IoDeviceLimit[];
}

/** Block devices (kernel: Documentation/admin-guide/cgroup-v2.rst, "IO"). */
export const IoController: MessageType<IoController> = /* @__PURE__ */ messageType(IoControllerSchema);

/** The bounds of one block device. What is left out has none. */
export interface IoDeviceLimit {
  /** The device, as `MAJOR:MINOR` or as the path of its file, `/dev/vda`. */
  device: string;
  /** Bytes read in a second. */
  readBytesPerSecond?: number | undefined;
  /** Bytes written in a second. */
  writeBytesPerSecond?: number | undefined;
  /** Read operations in a second. */
  readOperationsPerSecond?: number | undefined;
  /** Write operations in a second. */
  writeOperationsPerSecond?: number | undefined;
}

/** The bounds of one block device. What is left out has none. */
export const IoDeviceLimit: MessageType<IoDeviceLimit> = /* @__PURE__ */ messageType(IoDeviceLimitSchema);

/**
 * Huge pages (kernel: Documentation/admin-guide/cgroup-v2.rst, "HugeTLB"). A cell has this controller only once a limit of
 * a cell asks for it.
 */
export interface HugetlbController {
  /**
   * The most memory in huge pages, in bytes, by the size of a page as the kernel writes it: `2MB`, `1GB`.
   * File: hugetlb.<size>.max.
   */
  max: Record<string, number>;
}

/**
 * Huge pages (kernel: Documentation/admin-guide/cgroup-v2.rst, "HugeTLB"). A cell has this controller only once a limit of
 * a cell asks for it.
 */
export const HugetlbController: MessageType<HugetlbController> = /* @__PURE__ */ messageType(HugetlbControllerSchema);

/** How much output of a cell's executables is kept. What is over it goes, the oldest first. */
export interface OutputLimits {
  /** Bytes of each stream of each executable, 64 KiB at least. Left out: 16 MiB. */
  maxBytes?: number | undefined;
}

/** How much output of a cell's executables is kept. What is over it goes, the oldest first. */
export const OutputLimits: MessageType<OutputLimits> = /* @__PURE__ */ messageType(OutputLimitsSchema);

/** What a cell uses. What the kernel does not count there is left out. */
export interface CellUsage {
  /** Processor time since it was allocated, in microseconds. */
  cpuUsec?: number | undefined;
  /** Of that, in user mode. */
  cpuUserUsec?: number | undefined;
  /** Of that, in the kernel. */
  cpuSystemUsec?: number | undefined;
  /** How often it was out of its time in a period. */
  cpuThrottledCount?: number | undefined;
  /** How long it was out of its time, in microseconds. */
  cpuThrottledUsec?: number | undefined;
  /** Memory now, in bytes. */
  memoryBytes?: number | undefined;
  /** The most memory that it ever had, in bytes. */
  memoryPeakBytes?: number | undefined;
  /** Swap space now, in bytes. */
  swapBytes?: number | undefined;
  /** How often a process was killed for want of memory. */
  oomKills?: number | undefined;
  /** Processes and threads now. */
  processes?: number | undefined;
  /** Bytes read from block devices. */
  ioReadBytes?: number | undefined;
  /** Bytes written to block devices. */
  ioWrittenBytes?: number | undefined;
}

/** What a cell uses. What the kernel does not count there is left out. */
export const CellUsage: MessageType<CellUsage> = /* @__PURE__ */ messageType(CellUsageSchema);

/** How long processes had to wait (kernel: Documentation/accounting/psi.rst). */
export interface CellPressure {
  /** For a processor. */
  cpu?: Pressure | undefined;
  /** For memory. */
  memory?: Pressure | undefined;
  /** For block devices. */
  io?: Pressure | undefined;
}

/** How long processes had to wait (kernel: Documentation/accounting/psi.rst). */
export const CellPressure: MessageType<CellPressure> = /* @__PURE__ */ messageType(CellPressureSchema);

/** Waiting for one resource. */
export interface Pressure {
  /** When at least one process waited. */
  some?: PressureShare | undefined;
  /** When all waited. */
  full?: PressureShare | undefined;
}

/** Waiting for one resource. */
export const Pressure: MessageType<Pressure> = /* @__PURE__ */ messageType(PressureSchema);

/** Shares of time, in percent, and a total. */
export interface PressureShare {
  /** Of the last 10 seconds. */
  avg10: number;
  /** Of the last 60 seconds. */
  avg60: number;
  /** Of the last 300 seconds. */
  avg300: number;
  /** In microseconds. */
  totalUsec: number;
}

/** Shares of time, in percent, and a total. */
export const PressureShare: MessageType<PressureShare> = /* @__PURE__ */ messageType(PressureShareSchema);

/** Asks for a cell. */
export interface CellServiceAllocateRequest {
  /** The cell to make. */
  cell?: Cell | undefined;
}

/** Asks for a cell. */
export const CellServiceAllocateRequest: MessageType<CellServiceAllocateRequest> = /* @__PURE__ */ messageType(CellServiceAllocateRequestSchema);

/** Tells which cell was made. */
export interface CellServiceAllocateResponse {
  /** The full name of the cell, as later requests name it. */
  cellName: string;
  /** Whether the cell is a control group of version 2. Always true. */
  cgroupV2: boolean;
}

/** Tells which cell was made. */
export const CellServiceAllocateResponse: MessageType<CellServiceAllocateResponse> = /* @__PURE__ */ messageType(CellServiceAllocateResponseSchema);

/** Names the cell to remove. */
export interface CellServiceFreeRequest {
  /** The full name of the cell. */
  cellName: string;
}

/** Names the cell to remove. */
export const CellServiceFreeRequest: MessageType<CellServiceFreeRequest> = /* @__PURE__ */ messageType(CellServiceFreeRequestSchema);

/** The cell is gone. */
export interface CellServiceFreeResponse {
  // Nothing is in it.
}

/** The cell is gone. */
export const CellServiceFreeResponse: MessageType<CellServiceFreeResponse> = /* @__PURE__ */ messageType(CellServiceFreeResponseSchema);

/** Asks for an executable to be run. */
export interface CellServiceStartRequest {
  /** The full name of the cell to run it in. Left out: in no cell, so without limits. */
  cellName?: string | undefined;
  /** What to run. */
  executable?: Executable | undefined;
  /**
   * The user id to run as. Left out: the daemon's. It leaves the group as it is: name a gid, too.
   */
  uid?: number | undefined;
  /**
   * The group id to run as. Left out: the daemon's, which is root's as a rule, whatever the uid is.
   */
  gid?: number | undefined;
  /**
   * Whether to answer only once it has ended for good, and with how: as Start and then Wait, in one call. It goes on when
   * the caller goes away before.
   */
  untilEnded: boolean;
}

/** Asks for an executable to be run. */
export const CellServiceStartRequest: MessageType<CellServiceStartRequest> = /* @__PURE__ */ messageType(CellServiceStartRequestSchema);

/** Tells what was started. */
export interface CellServiceStartResponse {
  /** The process id, as seen in the cell's own process id namespace. */
  pid: number;
  /** The user id it runs as. */
  uid: number;
  /** The group id it runs as. */
  gid: number;
  /**
   * The process id as the machine sees it; the same, unless the cell has a process id namespace.
   */
  hostPid: number;
  /**
   * How it ended, where that was waited for. The process ids are those of its last process then.
   */
  ended?: CellServiceWaitResponse | undefined;
}

/** Tells what was started. */
export const CellServiceStartResponse: MessageType<CellServiceStartResponse> = /* @__PURE__ */ messageType(CellServiceStartResponseSchema);

/** Names the executable to end. */
export interface CellServiceStopRequest {
  /** The full name of the cell it runs in. Left out: it was started without a cell. */
  cellName?: string | undefined;
  /** The name it was started with. */
  executableName: string;
  /**
   * The signal to begin with, by number. Left out: what the executable was started with, or SIGTERM.
   */
  signal?: number | undefined;
  /**
   * How long its processes have between that and SIGKILL, in milliseconds. Left out: what the executable was started
   * with, or 10 s.
   */
  gracePeriodMs?: number | undefined;
}

/** Names the executable to end. */
export const CellServiceStopRequest: MessageType<CellServiceStopRequest> = /* @__PURE__ */ messageType(CellServiceStopRequestSchema);

/** The executable has ended, with all of its process tree. */
export interface CellServiceStopResponse {
  /** How its first process ended. */
  exitStatus?: ExitStatus | undefined;
  /** Whether the kernel killed it because the cell, or the machine, was out of memory. */
  oomKilled: boolean;
}

/** The executable has ended, with all of its process tree. */
export const CellServiceStopResponse: MessageType<CellServiceStopResponse> = /* @__PURE__ */ messageType(CellServiceStopResponseSchema);

/** Names limits to change. Of each controller, what is left out stays as it is. */
export interface CellServiceUpdateRequest {
  /** The full name of the cell. */
  cellName: string;
  /** Processor time. */
  cpu?: CpuController | undefined;
  /** Which processors and memory nodes. */
  cpuset?: CpusetController | undefined;
  /** Memory. */
  memory?: MemoryController | undefined;
  /** The number of processes. */
  pids?: PidsController | undefined;
  /** Block devices. */
  io?: IoController | undefined;
  /** Huge pages. */
  hugetlb?: HugetlbController | undefined;
}

/** Names limits to change. Of each controller, what is left out stays as it is. */
export const CellServiceUpdateRequest: MessageType<CellServiceUpdateRequest> = /* @__PURE__ */ messageType(CellServiceUpdateRequestSchema);

/** The limits are in force. */
export interface CellServiceUpdateResponse {
  /** The cell with all of its limits. */
  cell?: Cell | undefined;
}

/** The limits are in force. */
export const CellServiceUpdateResponse: MessageType<CellServiceUpdateResponse> = /* @__PURE__ */ messageType(CellServiceUpdateResponseSchema);

/** Names the cell to freeze. */
export interface CellServiceFreezeRequest {
  /** The full name of the cell. */
  cellName: string;
}

/** Names the cell to freeze. */
export const CellServiceFreezeRequest: MessageType<CellServiceFreezeRequest> = /* @__PURE__ */ messageType(CellServiceFreezeRequestSchema);

/** Every process of the cell stands still. */
export interface CellServiceFreezeResponse {
  // Nothing is in it.
}

/** Every process of the cell stands still. */
export const CellServiceFreezeResponse: MessageType<CellServiceFreezeResponse> = /* @__PURE__ */ messageType(CellServiceFreezeResponseSchema);

/** Names the cell to thaw. */
export interface CellServiceThawRequest {
  /** The full name of the cell. */
  cellName: string;
}

/** Names the cell to thaw. */
export const CellServiceThawRequest: MessageType<CellServiceThawRequest> = /* @__PURE__ */ messageType(CellServiceThawRequestSchema);

/** The processes of the cell run again. */
export interface CellServiceThawResponse {
  // Nothing is in it.
}

/** The processes of the cell run again. */
export const CellServiceThawResponse: MessageType<CellServiceThawResponse> = /* @__PURE__ */ messageType(CellServiceThawResponseSchema);

/** Names the cell to look at. */
export interface CellServiceStatusRequest {
  /** The full name of the cell. */
  cellName: string;
}

/** Names the cell to look at. */
export const CellServiceStatusRequest: MessageType<CellServiceStatusRequest> = /* @__PURE__ */ messageType(CellServiceStatusRequestSchema);

/** What a cell has, uses and waits for. */
export interface CellServiceStatusResponse {
  /** The cell with its limits as the kernel has them. */
  cell?: Cell | undefined;
  /** Whether it is frozen. */
  frozen: boolean;
  /** What it uses, with all cells below it. */
  usage?: CellUsage | undefined;
  /** How long its processes had to wait. */
  pressure?: CellPressure | undefined;
  /** The executables in it, by name. */
  executables: ExecutableSummary[];
}

/** What a cell has, uses and waits for. */
export const CellServiceStatusResponse: MessageType<CellServiceStatusResponse> = /* @__PURE__ */ messageType(CellServiceStatusResponseSchema);

/** Names the executable to wait for. */
export interface CellServiceWaitRequest {
  /** The full name of the cell it runs in. Left out: it was started without a cell. */
  cellName?: string | undefined;
  /** The name it was started with. */
  executableName: string;
}

/** Names the executable to wait for. */
export const CellServiceWaitRequest: MessageType<CellServiceWaitRequest> = /* @__PURE__ */ messageType(CellServiceWaitRequestSchema);

/** How an executable ended. */
export interface CellServiceWaitResponse {
  /**
   * How its first process ended. Left out when nobody saw it: it ended while the daemon was not there.
   */
  exitStatus?: ExitStatus | undefined;
  /** Whether the kernel killed it because the cell, or the machine, was out of memory. */
  oomKilled: boolean;
  /** What it used. */
  usage?: ResourceUsage | undefined;
}

/** How an executable ended. */
export const CellServiceWaitResponse: MessageType<CellServiceWaitResponse> = /* @__PURE__ */ messageType(CellServiceWaitResponseSchema);

/** Asks for an executable to be run in a cell of its own. */
export interface CellServiceRunRequest {
  /** The cell to make for it. */
  cell?: Cell | undefined;
  /** What to run. */
  executable?: Executable | undefined;
  /**
   * The user id to run as. Left out: the daemon's. It leaves the group as it is: name a gid, too.
   */
  uid?: number | undefined;
  /**
   * The group id to run as. Left out: the daemon's, which is root's as a rule, whatever the uid is.
   */
  gid?: number | undefined;
}

/** Asks for an executable to be run in a cell of its own. */
export const CellServiceRunRequest: MessageType<CellServiceRunRequest> = /* @__PURE__ */ messageType(CellServiceRunRequestSchema);

/** How the executable ended. */
export interface CellServiceRunResponse {
  /** How its first process ended. */
  exitStatus?: ExitStatus | undefined;
  /** Whether the kernel killed it because the cell, or the machine, was out of memory. */
  oomKilled: boolean;
  /** What it used. */
  usage?: ResourceUsage | undefined;
  /**
   * The id of its process, the last one if it was restarted, as seen in the cell's own process id namespace.
   */
  pid: number;
  /** The same as the machine sees it. */
  hostPid: number;
}

/** How the executable ended. */
export const CellServiceRunResponse: MessageType<CellServiceRunResponse> = /* @__PURE__ */ messageType(CellServiceRunResponseSchema);

/** Says which events are wanted. */
export interface CellServiceEventsRequest {
  /**
   * The sequence number of the last event that the caller has; events after it come first. Left out: from now on.
   */
  afterSequence?: number | undefined;
  /** Only of this cell and the cells below it. Left out: of all. */
  cellName?: string | undefined;
}

/** Says which events are wanted. */
export const CellServiceEventsRequest: MessageType<CellServiceEventsRequest> = /* @__PURE__ */ messageType(CellServiceEventsRequestSchema);

/** One change. */
export interface CellServiceEventsResponse {
  /** The change. */
  event?: CellEvent | undefined;
}

/** One change. */
export const CellServiceEventsResponse: MessageType<CellServiceEventsResponse> = /* @__PURE__ */ messageType(CellServiceEventsResponseSchema);

/** First `start`, then input as it comes. */
export interface CellServiceExecRequest {
  /**
   * What to run. The first message, and only that.
   *
   * At most one of start, stdin, stdinEnd, resize, signal.
   */
  start?: ExecStart | undefined;
  /**
   * Bytes for standard input.
   *
   * At most one of start, stdin, stdinEnd, resize, signal.
   */
  stdin?: Uint8Array | undefined;
  /**
   * Standard input ends here.
   *
   * At most one of start, stdin, stdinEnd, resize, signal.
   */
  stdinEnd?: boolean | undefined;
  /**
   * The terminal has another size now.
   *
   * At most one of start, stdin, stdinEnd, resize, signal.
   */
  resize?: TerminalSize | undefined;
  /**
   * A signal to send, by number.
   *
   * At most one of start, stdin, stdinEnd, resize, signal.
   */
  signal?: number | undefined;
}

/** First `start`, then input as it comes. */
export const CellServiceExecRequest: MessageType<CellServiceExecRequest> = /* @__PURE__ */ messageType(CellServiceExecRequestSchema);

/** A process to run in a cell. */
export interface ExecStart {
  /** The full name of the cell. */
  cellName: string;
  /** The program and its arguments. A program without a slash is looked for in PATH. */
  args: string[];
  /** Variables of its environment, besides PATH. */
  env: Record<string, string>;
  /** Its working directory. Left out: `/`. */
  workingDirectory: string;
  /** The user to run as, by name or number. Left out: the daemon's. */
  user: string;
  /** The group to run as, by name or number. Left out: the user's. */
  group: string;
  /** A terminal of this size for its input and output. Left out: no terminal. */
  terminal?: TerminalSize | undefined;
}

/** A process to run in a cell. */
export const ExecStart: MessageType<ExecStart> = /* @__PURE__ */ messageType(ExecStartSchema);

/** What a process started by Exec does. */
export interface CellServiceExecResponse {
  /**
   * It runs. The first message.
   *
   * At most one of started, stdout, stderr, exitStatus.
   */
  started?: ExecStarted | undefined;
  /**
   * Bytes of its standard output, or of its terminal.
   *
   * At most one of started, stdout, stderr, exitStatus.
   */
  stdout?: Uint8Array | undefined;
  /**
   * Bytes of its standard error.
   *
   * At most one of started, stdout, stderr, exitStatus.
   */
  stderr?: Uint8Array | undefined;
  /**
   * It has ended. The last message.
   *
   * At most one of started, stdout, stderr, exitStatus.
   */
  exitStatus?: ExitStatus | undefined;
}

/** What a process started by Exec does. */
export const CellServiceExecResponse: MessageType<CellServiceExecResponse> = /* @__PURE__ */ messageType(CellServiceExecResponseSchema);

/** A process runs. */
export interface ExecStarted {
  /** The process id, as seen in the cell's own process id namespace. */
  pid: number;
  /** The process id as the machine sees it. */
  hostPid: number;
}

/** A process runs. */
export const ExecStarted: MessageType<ExecStarted> = /* @__PURE__ */ messageType(ExecStartedSchema);

/** First `start`, then input as it comes. */
export interface CellServiceAttachRequest {
  /**
   * What to attach to. The first message, and only that.
   *
   * At most one of start, stdin, stdinEnd, resize.
   */
  start?: AttachStart | undefined;
  /**
   * Bytes for standard input.
   *
   * At most one of start, stdin, stdinEnd, resize.
   */
  stdin?: Uint8Array | undefined;
  /**
   * Standard input ends here, for everybody who is attached.
   *
   * At most one of start, stdin, stdinEnd, resize.
   */
  stdinEnd?: boolean | undefined;
  /**
   * The terminal has another size now.
   *
   * At most one of start, stdin, stdinEnd, resize.
   */
  resize?: TerminalSize | undefined;
}

/** First `start`, then input as it comes. */
export const CellServiceAttachRequest: MessageType<CellServiceAttachRequest> = /* @__PURE__ */ messageType(CellServiceAttachRequestSchema);

/** An executable to attach to. */
export interface AttachStart {
  /** The full name of the cell it runs in. Left out: it was started without a cell. */
  cellName?: string | undefined;
  /** The name it was started with. */
  executableName: string;
}

/** An executable to attach to. */
export const AttachStart: MessageType<AttachStart> = /* @__PURE__ */ messageType(AttachStartSchema);

/** What an executable does. */
export interface CellServiceAttachResponse {
  /**
   * Attached. The first message.
   *
   * At most one of attached, stdout, stderr, exitStatus, missedBytes.
   */
  attached?: Attached | undefined;
  /**
   * Bytes of its standard output, or of its terminal.
   *
   * At most one of attached, stdout, stderr, exitStatus, missedBytes.
   */
  stdout?: Uint8Array | undefined;
  /**
   * Bytes of its standard error.
   *
   * At most one of attached, stdout, stderr, exitStatus, missedBytes.
   */
  stderr?: Uint8Array | undefined;
  /**
   * It has ended. The last message.
   *
   * At most one of attached, stdout, stderr, exitStatus, missedBytes.
   */
  exitStatus?: ExitStatus | undefined;
  /**
   * So many bytes of output were missed here, because the reader was too slow.
   *
   * At most one of attached, stdout, stderr, exitStatus, missedBytes.
   */
  missedBytes?: number | undefined;
}

/** What an executable does. */
export const CellServiceAttachResponse: MessageType<CellServiceAttachResponse> = /* @__PURE__ */ messageType(CellServiceAttachResponseSchema);

/** Output follows from here on. */
export interface Attached {
  /** Whether the executable has a terminal. */
  terminal: boolean;
}

/** Output follows from here on. */
export const Attached: MessageType<Attached> = /* @__PURE__ */ messageType(AttachedSchema);

/** Asks for the tree of cells. */
export interface CellServiceListRequest {
  // Nothing is in it.
}

/** Asks for the tree of cells. */
export const CellServiceListRequest: MessageType<CellServiceListRequest> = /* @__PURE__ */ messageType(CellServiceListRequestSchema);

/** The tree of cells. */
export interface CellServiceListResponse {
  /** The cells that are not inside another cell, by name. */
  cells: CellGraphNode[];
  /** The executables that were started in no cell, by name. */
  executables: ExecutableSummary[];
}

/** The tree of cells. */
export const CellServiceListResponse: MessageType<CellServiceListResponse> = /* @__PURE__ */ messageType(CellServiceListResponseSchema);

/** Asks for the tree of cells and the definitions of executables. */
export interface CellServiceInspectRequest {
  // Nothing is in it.
}

/** Asks for the tree of cells and the definitions of executables. */
export const CellServiceInspectRequest: MessageType<CellServiceInspectRequest> = /* @__PURE__ */ messageType(CellServiceInspectRequestSchema);

/** The tree of cells, with the definitions of executables. */
export interface CellServiceInspectResponse {
  /** The cells that are not inside another cell, by name. */
  cells: CellGraphNode[];
  /** The executables that were started in no cell, by name. */
  executables: ExecutableSummary[];
  /**
   * The executables that are to be started once a boot and were, by cell and name. Start refuses them until the machine
   * boots, also when they were stopped or their cell was freed.
   */
  startedOnce: StartedOnce[];
}

/** The tree of cells, with the definitions of executables. */
export const CellServiceInspectResponse: MessageType<CellServiceInspectResponse> = /* @__PURE__ */ messageType(CellServiceInspectResponseSchema);

/** An executable that was started with `once_per_boot` since the machine booted. */
export interface StartedOnce {
  /** The full name of its cell, which may be gone; empty for none. */
  cellName: string;
  /** Its name. */
  executableName: string;
}

/** An executable that was started with `once_per_boot` since the machine booted. */
export const StartedOnce: MessageType<StartedOnce> = /* @__PURE__ */ messageType(StartedOnceSchema);

/** A cell and the cells inside it. */
export interface CellGraphNode {
  /** The cell, with its full name and the limits it was allocated with. */
  cell?: Cell | undefined;
  /** The cells directly inside it, by name. */
  children: CellGraphNode[];
  /** The executables in it that were started and not stopped yet, by name. */
  executables: ExecutableSummary[];
}

/** A cell and the cells inside it. */
export const CellGraphNode: MessageType<CellGraphNode> = /* @__PURE__ */ messageType(CellGraphNodeSchema);

/** A control group, its limits and its namespaces. */
export interface Cell {
  /**
   * The full name: at most 32 components of 1 to 63 letters, digits and inner hyphens, joined by `/`. A leading or
   * trailing `/` is dropped.
   */
  name: string;
  /** Processor time. */
  cpu?: CpuController | undefined;
  /** Which processors and memory nodes. */
  cpuset?: CpusetController | undefined;
  /** Memory. */
  memory?: MemoryController | undefined;
  /** Whether processes in the cell get process id, mount, IPC and UTS namespaces of their own. */
  isolateProcess: boolean;
  /** Whether processes in the cell get a network namespace of their own. */
  isolateNetwork: boolean;
  /** The number of processes. */
  pids?: PidsController | undefined;
  /** Block devices. */
  io?: IoController | undefined;
  /** Huge pages. */
  hugetlb?: HugetlbController | undefined;
  /** How much output of its executables is kept. */
  output?: OutputLimits | undefined;
}

/** A control group, its limits and its namespaces. */
export const Cell: MessageType<Cell> = /* @__PURE__ */ messageType(CellSchema);

/** A command and the name it is known by in its cell. */
export interface Executable {
  /** The name, unique in the cell: 1 to 128 bytes with no `/` and no control characters. */
  name: string;
  /**
   * The command line, run by `sh -c`. At most 128 KiB less one byte, the kernel's bound for one argument
   * (execve(2), MAX_ARG_STRLEN). Either this or `args` has to be given.
   */
  command: string;
  /** What it is for, in words. Kept, and shown by List. */
  description: string;
  /**
   * The program and its arguments, run without a shell. A program without a slash is looked for in PATH.
   */
  args: string[];
  /** Variables of its environment, besides PATH. */
  env: Record<string, string>;
  /** Its working directory. Left out: `/`. */
  workingDirectory: string;
  /** Who it runs as and what it may do. */
  privileges?: Privileges | undefined;
  /** Bounds of its processes (getrlimit(2)), by name, such as `nofile`. */
  resourceLimits: Record<string, ResourceLimit>;
  /** What its standard input is. */
  stdin: StdinMode;
  /** How it is asked to end. */
  stop?: StopPolicy | undefined;
  /** What happens when it ends by itself. Left out: nothing. */
  restart?: RestartPolicy | undefined;
  /** When it counts as started. Left out: as soon as it runs. */
  readiness?: Readiness | undefined;
  /** Executables of the same cell that it starts after, if they are started at all. */
  after: string[];
  /**
   * Executables of the same cell that must be ready before it starts, and without which it is stopped.
   */
  requires: string[];
  /** How it is found out whether it works. Left out: as long as it runs, it does. */
  healthCheck?: HealthCheck | undefined;
  /** Whether it is started at most once between two boots of the machine. */
  oncePerBoot: boolean;
}

/** A command and the name it is known by in its cell. */
export const Executable: MessageType<Executable> = /* @__PURE__ */ messageType(ExecutableSchema);

/** An executable as List shows it. */
export interface ExecutableSummary {
  /** Its name, unique in the cell. */
  name: string;
  /** The command line it was started with. */
  command: string;
  /** What it is for, in words. */
  description: string;
  /** The process id of its first process. */
  pid: number;
  /** Whether it runs. */
  state: ExecutableState;
  /** How its first process ended, the last time. Not while it runs. */
  exitStatus?: ExitStatus | undefined;
  /** The process id as the machine sees it. */
  hostPid: number;
  /** The program and its arguments, if it was started without a shell. */
  args: string[];
  /** How often it was restarted. */
  restarts: number;
  /** Whether the kernel killed it because the cell, or the machine, was out of memory. */
  oomKilled: boolean;
  /** What its health check says. */
  health: Health;
  /** What it says of itself (sd_notify, `STATUS=`). */
  statusText: string;
  /**
   * What it was started as, with the defaults of what was left out; a uid or gid of Start is in its privileges. Only
   * Inspect tells it.
   */
  definition?: Executable | undefined;
}

/** An executable as List shows it. */
export const ExecutableSummary: MessageType<ExecutableSummary> = /* @__PURE__ */ messageType(ExecutableSummarySchema);

/** How a process ended: by an exit code or by a signal. */
export interface ExitStatus {
  /**
   * It called exit with this code, 0 to 255.
   *
   * At most one of exitCode, signal.
   */
  exitCode?: number | undefined;
  /**
   * It was ended by this signal.
   *
   * At most one of exitCode, signal.
   */
  signal?: number | undefined;
}

/** How a process ended: by an exit code or by a signal. */
export const ExitStatus: MessageType<ExitStatus> = /* @__PURE__ */ messageType(ExitStatusSchema);

/** Processor time (kernel: Documentation/admin-guide/cgroup-v2.rst, "CPU"). */
export interface CpuController {
  /** The share among siblings, 1 to 10000. The kernel's default is 100. File: cpu.weight. */
  weight?: number | undefined;
  /** The most time in each period, in microseconds; 0 for no limit. File: cpu.max. */
  max?: number | undefined;
  /**
   * The length of a period, in microseconds, 1000 to 1000000. The kernel's default is 100000. File: cpu.max.
   */
  period?: number | undefined;
  /** Whether it only gets time that nobody else wants. File: cpu.idle. */
  idle?: boolean | undefined;
  /**
   * How much unused time of earlier periods may be used on top, in microseconds. File: cpu.max.burst.
   */
  burst?: number | undefined;
}

/** Processor time (kernel: Documentation/admin-guide/cgroup-v2.rst, "CPU"). */
export const CpuController: MessageType<CpuController> = /* @__PURE__ */ messageType(CpuControllerSchema);

/**
 * Which processors and memory nodes (kernel: Documentation/admin-guide/cgroup-v2.rst, "Cpuset").
 */
export interface CpusetController {
  /** Processors, as the kernel writes lists: `0-3,6`. Empty for the parent's. File: cpuset.cpus. */
  cpus?: string | undefined;
  /** Memory nodes, in the same form. File: cpuset.mems. */
  mems?: string | undefined;
}

/**
 * Which processors and memory nodes (kernel: Documentation/admin-guide/cgroup-v2.rst, "Cpuset").
 */
export const CpusetController: MessageType<CpusetController> = /* @__PURE__ */ messageType(CpusetControllerSchema);

/** Memory, in bytes (kernel: Documentation/admin-guide/cgroup-v2.rst, "Memory"). */
export interface MemoryController {
  /** Memory that is never reclaimed from the cell. File: memory.min. */
  min?: number | undefined;
  /** Memory that is reclaimed only when there is no other. File: memory.low. */
  low?: number | undefined;
  /** Above this the cell is slowed and reclaimed from; 0 for no limit. File: memory.high. */
  high?: number | undefined;
  /** Above this the cell's processes are killed; 0 for no limit. File: memory.max. */
  max?: number | undefined;
  /** The most swap space; 0 for none at all, left out for no limit. File: memory.swap.max. */
  swapMax?: number | undefined;
  /**
   * Whether all processes of the cell are killed where one is for want of memory. File: memory.oom.group.
   */
  oomGroup?: boolean | undefined;
}

/** Memory, in bytes (kernel: Documentation/admin-guide/cgroup-v2.rst, "Memory"). */
export const MemoryController: MessageType<MemoryController> = /* @__PURE__ */ messageType(MemoryControllerSchema);

/** Which system calls an executable can make. */
export enum SeccompProfile {
  /** It follows from the user. */
  UNSPECIFIED = 0,
  /** It follows from the user. */
  SECCOMP_PROFILE_UNSPECIFIED = 0,
  /** All. */
  UNCONFINED = 1,
  /** All. */
  SECCOMP_PROFILE_UNCONFINED = 1,
  /**
   * All but those that change the machine: mounts, modules, namespaces, clocks, other processes' memory.
   */
  DEFAULT = 2,
  /**
   * All but those that change the machine: mounts, modules, namespaces, clocks, other processes' memory.
   */
  SECCOMP_PROFILE_DEFAULT = 2,
}

/** What the standard input of an executable is. */
export enum StdinMode {
  /** Nothing: /dev/null. */
  UNSPECIFIED = 0,
  /** Nothing: /dev/null. */
  STDIN_MODE_UNSPECIFIED = 0,
  /** Nothing: /dev/null. */
  CLOSED = 1,
  /** Nothing: /dev/null. */
  STDIN_MODE_CLOSED = 1,
  /** What those who attach to it send. */
  STREAM = 2,
  /** What those who attach to it send. */
  STDIN_MODE_STREAM = 2,
  /** A terminal, which is its output as well. */
  TERMINAL = 3,
  /** A terminal, which is its output as well. */
  STDIN_MODE_TERMINAL = 3,
}

/** When an executable is started again. */
export enum RestartMode {
  /** Never. */
  UNSPECIFIED = 0,
  /** Never. */
  RESTART_MODE_UNSPECIFIED = 0,
  /** Never. */
  NEVER = 1,
  /** Never. */
  RESTART_MODE_NEVER = 1,
  /** When it ended by a signal, by another exit code than 0, or because its health check failed. */
  ON_FAILURE = 2,
  /** When it ended by a signal, by another exit code than 0, or because its health check failed. */
  RESTART_MODE_ON_FAILURE = 2,
  /** However it ended. */
  ALWAYS = 3,
  /** However it ended. */
  RESTART_MODE_ALWAYS = 3,
}

/** How an executable says that it is ready. */
export enum ReadinessMode {
  /** By running. */
  UNSPECIFIED = 0,
  /** By running. */
  READINESS_MODE_UNSPECIFIED = 0,
  /** By running. */
  NONE = 1,
  /** By running. */
  READINESS_MODE_NONE = 1,
  /** By `READY=1` to the socket that NOTIFY_SOCKET names (sd_notify(3)). */
  NOTIFY = 2,
  /** By `READY=1` to the socket that NOTIFY_SOCKET names (sd_notify(3)). */
  READINESS_MODE_NOTIFY = 2,
  /** By a newline to a descriptor (s6). */
  FD = 3,
  /** By a newline to a descriptor (s6). */
  READINESS_MODE_FD = 3,
}

/** What a health check says. */
export enum Health {
  /** There is no check, or none has ended yet. */
  UNSPECIFIED = 0,
  /** There is no check, or none has ended yet. */
  HEALTH_UNSPECIFIED = 0,
  /** The last check succeeded, or not enough in a row have failed. */
  HEALTHY = 1,
  /** The last check succeeded, or not enough in a row have failed. */
  HEALTH_HEALTHY = 1,
  /** Too many in a row have failed. */
  UNHEALTHY = 2,
  /** Too many in a row have failed. */
  HEALTH_UNHEALTHY = 2,
}

/** What happened to a cell or to an executable. */
export enum CellEventKind {
  /** Not told. */
  UNSPECIFIED = 0,
  /** Not told. */
  CELL_EVENT_KIND_UNSPECIFIED = 0,
  /** The cell was allocated. */
  ALLOCATED = 1,
  /** The cell was allocated. */
  CELL_EVENT_KIND_ALLOCATED = 1,
  /** Limits of the cell were changed. */
  UPDATED = 2,
  /** Limits of the cell were changed. */
  CELL_EVENT_KIND_UPDATED = 2,
  /** The cell was frozen. */
  FROZEN = 3,
  /** The cell was frozen. */
  CELL_EVENT_KIND_FROZEN = 3,
  /** The cell was thawed. */
  THAWED = 4,
  /** The cell was thawed. */
  CELL_EVENT_KIND_THAWED = 4,
  /** The cell was freed. */
  FREED = 5,
  /** The cell was freed. */
  CELL_EVENT_KIND_FREED = 5,
  /** A process of the cell was killed for want of memory. */
  OOM_KILL = 6,
  /** A process of the cell was killed for want of memory. */
  CELL_EVENT_KIND_OOM_KILL = 6,
  /** The executable waits for others that it is to start after. */
  WAITING = 7,
  /** The executable waits for others that it is to start after. */
  CELL_EVENT_KIND_WAITING = 7,
  /** The executable was started. */
  STARTED = 8,
  /** The executable was started. */
  CELL_EVENT_KIND_STARTED = 8,
  /** The executable is ready. */
  READY = 9,
  /** The executable is ready. */
  CELL_EVENT_KIND_READY = 9,
  /** The executable has become healthy. */
  HEALTHY = 10,
  /** The executable has become healthy. */
  CELL_EVENT_KIND_HEALTHY = 10,
  /** The executable has become unhealthy. */
  UNHEALTHY = 11,
  /** The executable has become unhealthy. */
  CELL_EVENT_KIND_UNHEALTHY = 11,
  /** The first process of the executable has ended. */
  EXITED = 12,
  /** The first process of the executable has ended. */
  CELL_EVENT_KIND_EXITED = 12,
  /** The executable will be started again. */
  RESTARTING = 13,
  /** The executable will be started again. */
  CELL_EVENT_KIND_RESTARTING = 13,
  /** The executable will not be started again: it was too often. */
  FAILED = 14,
  /** The executable will not be started again: it was too often. */
  CELL_EVENT_KIND_FAILED = 14,
  /** The executable is being stopped. */
  STOPPING = 15,
  /** The executable is being stopped. */
  CELL_EVENT_KIND_STOPPING = 15,
  /** The executable was stopped and forgotten. */
  STOPPED = 16,
  /** The executable was stopped and forgotten. */
  CELL_EVENT_KIND_STOPPED = 16,
  /** The daemon came back and found it as it was. */
  ADOPTED = 17,
  /** The daemon came back and found it as it was. */
  CELL_EVENT_KIND_ADOPTED = 17,
}

/** Whether an executable runs. */
export enum ExecutableState {
  /** Not told. */
  UNSPECIFIED = 0,
  /** Not told. */
  EXECUTABLE_STATE_UNSPECIFIED = 0,
  /** Its first process runs. */
  RUNNING = 1,
  /** Its first process runs. */
  EXECUTABLE_STATE_RUNNING = 1,
  /** It is being ended. */
  STOPPING = 2,
  /** It is being ended. */
  EXECUTABLE_STATE_STOPPING = 2,
  /** Its first process has ended. */
  EXITED = 3,
  /** Its first process has ended. */
  EXECUTABLE_STATE_EXITED = 3,
  /** Its first process runs, and it has not said yet that it is ready. */
  STARTING = 4,
  /** Its first process runs, and it has not said yet that it is ready. */
  EXECUTABLE_STATE_STARTING = 4,
  /** It waits for executables that it is to start after. */
  WAITING = 5,
  /** It waits for executables that it is to start after. */
  EXECUTABLE_STATE_WAITING = 5,
  /** It has ended and will be started again after a while. */
  RESTARTING = 6,
  /** It has ended and will be started again after a while. */
  EXECUTABLE_STATE_RESTARTING = 6,
  /** It has ended, was to be started again, and was too often. */
  FAILED = 7,
  /** It has ended, was to be started again, and was too often. */
  EXECUTABLE_STATE_FAILED = 7,
}
