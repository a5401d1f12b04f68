/**
 * The namespace `observe` of the library: the package aurae.observe.v0. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  GetAuraeDaemonLogStreamRequestSchema,
  GetAuraeDaemonLogStreamResponseSchema,
  GetPosixSignalsStreamRequestSchema,
  GetPosixSignalsStreamResponseSchema,
  GetSubProcessStreamRequestSchema,
  GetSubProcessStreamResponseSchema,
  LogItemSchema,
  ObserveService as ObserveServiceDesc,
  SignalSchema,
  WorkloadSchema,
} from "../../gen/aurae/observe/v0/observe_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callServerStream } from "../calls.ts";

/** ObserveService streams logs and signals. */
export class ObserveServiceClient extends ServiceClient {
  static override readonly name: string = "ObserveServiceClient";

  /**
   * GetAuraeDaemonLogStream follows the daemon's own log.
   *
   * Errors: none of its own.
   */
  getAuraeDaemonLogStream(
    request: DeepPartial<GetAuraeDaemonLogStreamRequest> = {},
    options: CallOptions = {},
  ): AsyncIterable<GetAuraeDaemonLogStreamResponse> {
    return callServerStream(this, ObserveServiceDesc.method.getAuraeDaemonLogStream, request, options);
  }

  /**
   * GetSubProcessStream reads the output of an executable, or of a virtual machine's console and serial port: first what
   * is kept of it, then what comes. A reader that is too slow misses lines, and is told how many bytes; it never slows
   * who writes.
   *
   * Errors: NOT_FOUND if there is no such executable or machine, now or among those whose output is kept,
   * INVALID_ARGUMENT if it is named in more than one way, or in none, or has no such stream.
   */
  getSubProcessStream(
    request: DeepPartial<GetSubProcessStreamRequest>,
    options: CallOptions = {},
  ): AsyncIterable<GetSubProcessStreamResponse> {
    return callServerStream(this, ObserveServiceDesc.method.getSubProcessStream, request, options);
  }

  /**
   * GetPosixSignalsStream follows the signals that processes of the machine, or of one workload, receive.
   */
  getPosixSignalsStream(
    request: DeepPartial<GetPosixSignalsStreamRequest>,
    options: CallOptions = {},
  ): AsyncIterable<GetPosixSignalsStreamResponse> {
    return callServerStream(this, ObserveServiceDesc.method.getPosixSignalsStream, request, options);
  }
}

/** Asks for the daemon's log. */
export interface GetAuraeDaemonLogStreamRequest {
  // Nothing is in it.
}

/** Asks for the daemon's log. */
export const GetAuraeDaemonLogStreamRequest: MessageType<GetAuraeDaemonLogStreamRequest> = /* @__PURE__ */ messageType(GetAuraeDaemonLogStreamRequestSchema);

/** One line of the daemon's log. */
export interface GetAuraeDaemonLogStreamResponse {
  /** The line. */
  item?: LogItem | undefined;
}

/** One line of the daemon's log. */
export const GetAuraeDaemonLogStreamResponse: MessageType<GetAuraeDaemonLogStreamResponse> = /* @__PURE__ */ messageType(GetAuraeDaemonLogStreamResponseSchema);

/** Names an output stream of an executable, or of a virtual machine. */
export interface GetSubProcessStreamRequest {
  /** Which of its streams. Left out: both, each line with its own channel. */
  channelType: LogChannelType;
  /** The process id that Start answered with. Left out: the executable is named below. */
  processId: number;
  /**
   * The full name of the executable's cell. Left out, with a name: it was started without a cell.
   */
  cellName: string;
  /** The executable's name. */
  executableName: string;
  /**
   * Only what was read at or after this time, in milliseconds since 1970 (UTC). Left out: from the beginning.
   */
  sinceMs?: number | undefined;
  /** Only so many of the last lines of what is kept. Left out: all. */
  tail?: number | undefined;
  /**
   * Whether the stream goes on with what comes, until the executable has ended. Left out: it does.
   */
  follow?: boolean | undefined;
  /** Whether the output comes as it is, in `data`, many lines at a time, which is much cheaper. */
  raw: boolean;
  /** The id of a virtual machine, in the place of an executable. */
  vmId: string;
}

/** Names an output stream of an executable, or of a virtual machine. */
export const GetSubProcessStreamRequest: MessageType<GetSubProcessStreamRequest> = /* @__PURE__ */ messageType(GetSubProcessStreamRequestSchema);

/** One line of output. */
export interface GetSubProcessStreamResponse {
  /** The line. Left out, with `raw`. */
  item?: LogItem | undefined;
  /** With `raw`: bytes of the output as they are. */
  data: Uint8Array;
  /** With `raw`: the stream that they are of. */
  channelType: LogChannelType;
  /**
   * How many bytes were missed just before this, because the reader was too slow or because they were not kept.
   */
  missedBytes: number;
}

/** One line of output. */
export const GetSubProcessStreamResponse: MessageType<GetSubProcessStreamResponse> = /* @__PURE__ */ messageType(GetSubProcessStreamResponseSchema);

/** Says which workload's signals are wanted. */
export interface GetPosixSignalsStreamRequest {
  /** The workload. Left out: the whole machine. */
  workload?: Workload | undefined;
}

/** Says which workload's signals are wanted. */
export const GetPosixSignalsStreamRequest: MessageType<GetPosixSignalsStreamRequest> = /* @__PURE__ */ messageType(GetPosixSignalsStreamRequestSchema);

/** One signal. */
export interface GetPosixSignalsStreamResponse {
  /** The signal. */
  signal?: Signal | undefined;
}

/** One signal. */
export const GetPosixSignalsStreamResponse: MessageType<GetPosixSignalsStreamResponse> = /* @__PURE__ */ messageType(GetPosixSignalsStreamResponseSchema);

/** A workload by kind and name. */
export interface Workload {
  /** The kind. */
  workloadType: WorkloadType;
  /** The name, for a cell its full name. */
  id: string;
}

/** A workload by kind and name. */
export const Workload: MessageType<Workload> = /* @__PURE__ */ messageType(WorkloadSchema);

/** A signal that a process received. */
export interface Signal {
  /** The signal's number. */
  signal: number;
  /** The process id of its receiver, as seen in the receiver's own namespace. */
  processId: number;
}

/** A signal that a process received. */
export const Signal: MessageType<Signal> = /* @__PURE__ */ messageType(SignalSchema);

/** A line of a log. */
export interface LogItem {
  /**
   * Where it comes from, for an executable `<name>::stdout` or `<name>::stderr`, for a virtual machine `<id>::console` or
   * `<id>::serial`.
   */
  channel: string;
  /** The line, without its end. */
  line: string;
  /** When it was read, in seconds since 1970 (UTC). */
  timestamp: number;
  /** The line as it is, where it is not UTF-8; `line` has U+FFFD in the place of what is not. */
  rawLine: Uint8Array;
  /**
   * Whether the line goes on in the next item: it is longer than 1 MiB, or its end has not come.
   */
  partial: boolean;
}

/** A line of a log. */
export const LogItem: MessageType<LogItem> = /* @__PURE__ */ messageType(LogItemSchema);

/** An output stream of a process or of a virtual machine. */
export enum LogChannelType {
  /** Not told. */
  UNSPECIFIED = 0,
  /** Not told. */
  LOG_CHANNEL_TYPE_UNSPECIFIED = 0,
  /** Standard output. */
  STDOUT = 1,
  /** Standard output. */
  LOG_CHANNEL_TYPE_STDOUT = 1,
  /** Standard error. */
  STDERR = 2,
  /** Standard error. */
  LOG_CHANNEL_TYPE_STDERR = 2,
  /** A virtual machine's console, hvc0 in the guest. */
  CONSOLE = 100,
  /** A virtual machine's console, hvc0 in the guest. */
  LOG_CHANNEL_TYPE_CONSOLE = 100,
  /** A virtual machine's serial port, ttyS0 in the guest. */
  SERIAL = 101,
  /** A virtual machine's serial port, ttyS0 in the guest. */
  LOG_CHANNEL_TYPE_SERIAL = 101,
}

/** A kind of workload. */
export enum WorkloadType {
  /** Not told. */
  UNSPECIFIED = 0,
  /** Not told. */
  WORKLOAD_TYPE_UNSPECIFIED = 0,
  /** A cell. */
  CELL = 1,
  /** A cell. */
  WORKLOAD_TYPE_CELL = 1,
  /** A pod's sandbox. */
  POD_SANDBOX = 2,
  /** A pod's sandbox. */
  WORKLOAD_TYPE_POD_SANDBOX = 2,
  /** A virtual machine. */
  VM = 3,
  /** A virtual machine. */
  WORKLOAD_TYPE_VM = 3,
}
