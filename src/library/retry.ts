/**
 * Which calls are made again after a failure of the connection, and when to give up. Nothing that might have been done is
 * done twice: a call that changes something is only sent again when it can't have arrived.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Client } from "./client.ts";
import { wasConnected } from "./wire.ts";

/** Waits before the second and each further try, in milliseconds: long enough for a daemon that is started anew. */
const WAITS_MS = [50, 100, 200, 400, 800];

/** Methods that change nothing, so that calling one twice is as good as once. */
export const READ_ONLY: ReadonlySet<string> = new Set([
  "aurae.cells.v0.CellService/Inspect",
  "aurae.cells.v0.CellService/List",
  "aurae.cells.v0.CellService/Status",
  "aurae.cells.v0.CellService/Wait",
  "aurae.discovery.v0.DiscoveryService/Discover",
  "aurae.vms.v0.VmService/Inspect",
  "aurae.vms.v0.VmService/List",
  "aurae.vms.v0.VmService/Wait",
  "grpc.health.v1.Health/Check",
]);

/** Of a connection that was never there, so that nothing was sent over it. */
const NEVER_CONNECTED = ["ECONNREFUSED", "ConnectionRefused", "ENOENT"];

/**
 * Makes a call, and makes it again as long as that is safe. A client that never got an answer fails at once: there,
 * the address is what is wrong.
 */
export async function retrying<T>(
  client: Client,
  method: DescMethod,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  for (const waitMs of WAITS_MS) {
    try {
      return await call();
    } catch (error) {
      if (!wasConnected(client) || !isSafeToRetry(error, method)) {
        throw error;
      }
    }
    await pause(waitMs, signal);
  }
  return await call();
}

/** Whether a call that failed so can be made again without being done twice. */
export function isSafeToRetry(error: unknown, method: DescMethod): boolean {
  // What the daemon itself answered has no cause of ours.
  if (
    !(error instanceof ConnectError) ||
    error.code !== Code.Unavailable ||
    error.cause === undefined
  ) {
    return false;
  }
  const code = String((error.cause as { readonly code?: unknown }).code);
  return (
    NEVER_CONNECTED.includes(code) || READ_ONLY.has(`${method.parent.typeName}/${method.name}`)
  );
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => reject(ConnectError.from(signal?.reason, Code.Canceled));
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) {
    stop();
  }
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
