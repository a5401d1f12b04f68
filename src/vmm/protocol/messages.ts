/**
 * The messages between the daemon and the monitor of one virtual machine: JSON, one in each packet of a SOCK_SEQPACKET
 * socket. The daemon asks, with a number that the answer repeats; the monitor also tells of events. Neither believes the
 * other: a guest that has got out of its machine sits in the monitor.
 */
import { MAX_TEXT } from "./bounded.ts";
import { Fields, quoted, readWhole } from "./fields.ts";
import { type MachineConfig, parseMachineConfig, readConsoleSize } from "./machine-config.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Of one packet. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Of one request `input`, before base64. */
export const MAX_INPUT_BYTES = 4096;
const MAX_INPUT_CHARACTERS = Math.ceil(MAX_INPUT_BYTES / 3) * 4;
const MAX_LOG_FIELDS = 32;
/** What a field of the log may be called: it is printed as it is, and must not make a line of its own. */
const LOG_FIELD = /^[a-zA-Z]\w{0,63}$/;

const VM_STATES = ["empty", "created", "running", "paused", "ended"] as const;
export type VmState = (typeof VM_STATES)[number];

export const END_KINDS = ["off", "reset", "crash", "failed"] as const;

/** How a machine ended. `crash`: the guest's own fault; `failed`: the monitor's, or KVM's. */
export interface VmEnd {
  readonly kind: (typeof END_KINDS)[number];
  readonly message: string;
}

/** What the monitor exits with when its machine has ended, for those who see only that. */
export const EXIT_CODES: Readonly<Record<VmEnd["kind"], number>> = {
  off: 0,
  reset: 10,
  crash: 11,
  failed: 12,
};

/** What can be wrong with a request; kinds of `AuraeError`. */
export const FAILURE_KINDS = [
  "invalid_argument",
  "failed_precondition",
  "resource_exhausted",
  "unavailable",
  "unimplemented",
  "internal",
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export type Empty = Readonly<Record<string, never>>;

export interface VmStatus {
  readonly state: VmState;
  readonly end?: VmEnd;
  /** How long the guest ran, pauses left out. */
  readonly runtimeMs: number;
  /** When the guest first ran, as a time of the host: milliseconds since 1970, with a fraction. */
  readonly firstRunAtMs?: number;
  /** How much the guest has given back, where it has a balloon. */
  readonly balloonBytes?: number;
}

export interface Input {
  readonly to: "console" | "serial";
  readonly bytes: Uint8Array;
}

/** Methods with what they take and answer. `snapshot` comes with two descriptors: for the state and for the memory. */
export interface Methods {
  create: { readonly params: MachineConfig; readonly result: Empty };
  /** Starts the guest, or goes on after a pause. */
  run: { readonly params: Empty; readonly result: Empty };
  pause: { readonly params: Empty; readonly result: Empty };
  status: { readonly params: Empty; readonly result: VmStatus };
  pressPowerButton: { readonly params: Empty; readonly result: Empty };
  input: { readonly params: Input; readonly result: { readonly taken: number } };
  resize: {
    readonly params: { readonly columns: number; readonly rows: number };
    readonly result: Empty;
  };
  /** How much the guest shall do without. */
  setBalloon: { readonly params: { readonly bytes: number }; readonly result: Empty };
  snapshot: {
    readonly params: Empty;
    readonly result: { readonly memoryBytes: number; readonly writtenBytes: number };
  };
  quit: { readonly params: Empty; readonly result: Empty };
}

export type MethodName = keyof Methods;

export type Request = {
  readonly [M in MethodName]: {
    readonly id: number;
    readonly method: M;
    readonly params: Methods[M]["params"];
  };
}[MethodName];

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export type VmmEvent =
  | { readonly event: "ended"; readonly end: VmEnd }
  | {
      readonly event: "log";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly fields: LogFields;
    };

/** What the monitor says. A result is checked by {@link parseResult}, by who knows what was asked. */
export type VmmMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure }
  | VmmEvent;

const none = (): Empty => ({});

function readInput(fields: Fields): Input {
  const to = fields.oneOf("to", ["console", "serial"]);
  const data = fields.string("data", MAX_INPUT_CHARACTERS);
  const bytes = Buffer.from(data, "base64");
  if (bytes.toString("base64") !== data || bytes.length > MAX_INPUT_BYTES) {
    throw new ProtocolError(`params.data is not base64 of at most ${MAX_INPUT_BYTES} bytes`);
  }
  return { to, bytes };
}

const PARAMS: { readonly [M in MethodName]: (value: unknown) => Methods[M]["params"] } = {
  create: parseMachineConfig,
  run: (value) => readWhole(value, "params", none),
  pause: (value) => readWhole(value, "params", none),
  status: (value) => readWhole(value, "params", none),
  pressPowerButton: (value) => readWhole(value, "params", none),
  input: (value) => readWhole(value, "params", readInput),
  resize: (value) => readWhole(value, "params", readConsoleSize),
  setBalloon: (value) =>
    readWhole(value, "params", (fields) => ({
      bytes: fields.integer("bytes", 0, Number.MAX_SAFE_INTEGER),
    })),
  snapshot: (value) => readWhole(value, "params", none),
  quit: (value) => readWhole(value, "params", none),
};

function readEnd(fields: Fields): VmEnd {
  return { kind: fields.oneOf("kind", END_KINDS), message: fields.string("message", MAX_TEXT) };
}

function readStatus(fields: Fields): VmStatus {
  const end = fields.optional("end", () => fields.object("end", readEnd));
  const firstRunAtMs = fields.optional("firstRunAtMs", () => fields.duration("firstRunAtMs"));
  const balloonBytes = fields.optional("balloonBytes", () =>
    fields.integer("balloonBytes", 0, Number.MAX_SAFE_INTEGER),
  );
  return {
    state: fields.oneOf("state", VM_STATES),
    runtimeMs: fields.duration("runtimeMs"),
    ...(end === undefined ? {} : { end }),
    ...(firstRunAtMs === undefined ? {} : { firstRunAtMs }),
    ...(balloonBytes === undefined ? {} : { balloonBytes }),
  };
}

const RESULTS: { readonly [M in MethodName]: (fields: Fields) => Methods[M]["result"] } = {
  create: none,
  run: none,
  pause: none,
  status: readStatus,
  pressPowerButton: none,
  input: (fields) => ({ taken: fields.integer("taken", 0, MAX_INPUT_BYTES) }),
  resize: none,
  setBalloon: none,
  snapshot: (fields) => ({
    memoryBytes: fields.integer("memoryBytes", 0, Number.MAX_SAFE_INTEGER),
    writtenBytes: fields.integer("writtenBytes", 0, Number.MAX_SAFE_INTEGER),
  }),
  quit: none,
};

const MAX_ID = Number.MAX_SAFE_INTEGER;
const decoder = new TextDecoder("utf-8", { fatal: true });

function parseJson(packet: Uint8Array): unknown {
  if (packet.length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(
      `a message of ${packet.length} bytes; the most is ${MAX_MESSAGE_BYTES}`,
    );
  }
  try {
    return JSON.parse(decoder.decode(packet));
  } catch {
    throw new ProtocolError("a message that is not JSON");
  }
}

/** For the monitor. @throws {ProtocolError} with the request's number where it has one */
export function parseRequest(packet: Uint8Array): Request {
  const fields = new Fields(parseJson(packet), "request");
  const id = fields.integer("id", 0, MAX_ID);
  try {
    const method = fields.string("method", MAX_TEXT);
    if (!Object.hasOwn(PARAMS, method)) {
      throw new ProtocolError(`no method ${quoted(method)}`);
    }
    const params = fields.object("params", (inner) => Object.fromEntries(inner.entries()));
    fields.end();
    const known = method as MethodName;
    // The table has for each method what its request has.
    return { id, method: known, params: PARAMS[known](params) } as Request;
  } catch (error) {
    throw error instanceof ProtocolError ? new ProtocolError(error.message, id) : error;
  }
}

function readLogFields(fields: Fields): LogFields {
  const entries = fields.entries();
  const isPlain = (entry: [string, unknown]): entry is [string, string | number | boolean] =>
    LOG_FIELD.test(entry[0]) &&
    (typeof entry[1] === "string"
      ? entry[1].length <= MAX_TEXT
      : ["number", "boolean"].includes(typeof entry[1]));
  const plain = entries.filter(isPlain);
  if (plain.length !== entries.length || entries.length > MAX_LOG_FIELDS) {
    throw new ProtocolError(
      `fields has more than ${MAX_LOG_FIELDS} short texts, numbers and truths with plain names`,
    );
  }
  return Object.fromEntries(plain);
}

function readEvent(fields: Fields): VmmEvent {
  const event = fields.oneOf("event", ["ended", "log"]);
  if (event === "ended") {
    return { event, end: fields.object("end", readEnd) };
  }
  return {
    event,
    level: fields.oneOf("level", ["info", "warn", "error"]),
    message: fields.string("message", MAX_TEXT),
    fields: fields.object("fields", readLogFields),
  };
}

/** For the daemon. Fields that it does not know are left out: a monitor may be older or newer. @throws {ProtocolError} */
export function parseVmmMessage(packet: Uint8Array): VmmMessage {
  const value = parseJson(packet);
  const fields = new Fields(value, "message");
  if (fields.has("event")) {
    return readEvent(fields);
  }
  const id = fields.integer("id", 0, MAX_ID);
  if (!fields.has("error")) {
    return { id, result: (value as { readonly result?: unknown }).result };
  }
  const error = fields.object("error", (inner) => ({
    kind: inner.oneOf("kind", FAILURE_KINDS),
    message: inner.string("message", MAX_TEXT),
  }));
  return { id, error };
}

/** What a method has answered. @throws {ProtocolError} */
export function parseResult<M extends MethodName>(
  method: M,
  result: unknown,
): Methods[M]["result"] {
  return RESULTS[method](new Fields(result, `the result of ${method}`));
}

function packetOf(message: unknown): Uint8Array {
  const packet = new TextEncoder().encode(JSON.stringify(message));
  if (packet.length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(
      `a message of ${packet.length} bytes; the most is ${MAX_MESSAGE_BYTES}`,
    );
  }
  return packet;
}

/** A request as a packet. */
export function requestPacket(request: Request): Uint8Array {
  if (request.method !== "input") {
    return packetOf(request);
  }
  const { to, bytes } = request.params;
  const params = { to, data: Buffer.from(bytes).toString("base64") };
  return packetOf({ ...request, params });
}

/** An answer or an event as a packet. Its texts are cut already to what the daemon takes (`bounded.ts`). */
export function vmmPacket(message: VmmMessage): Uint8Array {
  return packetOf(message);
}
