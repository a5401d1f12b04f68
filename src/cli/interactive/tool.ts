/**
 * What the commands that are more than one call are handed: the request as far as the command line fills it in, their
 * own flags, and ways to a daemon and to a terminal.
 */
import type { Message } from "@bufbuild/protobuf";
import type { ClientTransport } from "../../client/transport.ts";
import type { FlagSpec, OutputFormat } from "../flags.ts";
import type { CliIo } from "../run.ts";
import type { Host } from "./host.ts";

export interface ToolContext {
  readonly request: Message;
  readonly io: CliIo;
  readonly output: OutputFormat;
  readonly timeoutMs: number | undefined;
  /** The text of a flag that is no field of the request; `true` for a switch that is on. */
  readonly flag: (spec: FlagSpec) => string | undefined;
  /** For calls with one request. */
  readonly transport: ClientTransport;
  /** For one call whose requests are a stream; the one that makes it disposes of it. */
  readonly duplex: () => Promise<ClientTransport>;
  readonly host: () => Promise<Host>;
  /** Lines for standard error. */
  readonly say: (...lines: string[]) => Promise<void>;
}

/** Answers with the exit code. */
export type Tool = (context: ToolContext) => Promise<number>;
