/** The module `aurae`: what scripts import. */
import { ConnectError } from "@connectrpc/connect";

export * as cells from "./gen/cells.ts";
export * as discovery from "./gen/discovery.ts";
export * as health from "./gen/health.ts";
export * as machine from "./gen/machine.ts";
export * as observe from "./gen/observe.ts";
export * as reflection from "./gen/reflection.ts";
export * as vms from "./gen/vms.ts";
export { apply, type ApplyOptions } from "./apply.ts";
export { ApplyError } from "./apply/apply-error.ts";
export type { Plan } from "./apply/plan-text.ts";
export type {
  Change,
  Desired,
  DesiredCell,
  DesiredExecutable,
  Step,
  StepKind,
} from "./apply/types.ts";
export { Client } from "./client.ts";
export type { AuraeClientOptions, ClientOptions } from "./client-options.ts";
export { createClient } from "./create-client.ts";
export type { DeepPartial, JsonValue, MessageType } from "./message/types.ts";
export { type CallOptions, ServiceClient } from "./service-client.ts";
export { Code } from "@connectrpc/connect";
export { ConnectError };

// Bundling shortens the names of classes, and this one is printed with every error.
Object.defineProperty(ConnectError, "name", { value: "ConnectError" });
