/** The port of 127.0.0.1 on which a developer's daemon or virtual machine answers. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { BuildError } from "./error.ts";
import type { LocalPki } from "./local-pki.ts";

const POLL_MS = 50;
const CALL_LIMIT_MS = 15_000;

/** @throws {BuildError} for what is no port */
export function parsePort(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new BuildError(`--port takes a number from 1 to 65535, not "${value}"`);
  }
  return port;
}

/**
 * @param remedy the command that takes another port
 * @throws {BuildError} when somebody listens on the port already
 */
export async function checkPort(port: number, remedy: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen({ host: "127.0.0.1", port }, () => probe.close(() => resolve()));
  try {
    await promise;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reason =
      code === "EADDRINUSE"
        ? `port ${port} is taken, perhaps by what you started before`
        : `can't listen on 127.0.0.1:${port}: ${String(code ?? cause)}`;
    throw new BuildError(`${reason}: end that, or run \`${remedy} --port N\``, { cause });
  }
}

async function isServing(port: number, pki: LocalPki): Promise<boolean> {
  try {
    const response = await fetch(`https://127.0.0.1:${port}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      tls: {
        ca: readFileSync(pki.ca, "utf8"),
        cert: readFileSync(pki.clientCertificate, "utf8"),
        key: readFileSync(pki.clientKey, "utf8"),
      },
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    });
    return response.ok && (await response.text()).includes("SERVING");
  } catch {
    // ECONNREFUSED, or ECONNRESET from the network of a machine that has not booted: not yet.
    return false;
  }
}

/**
 * Asks until the API answers, since nothing tells us.
 * @returns whether it did, in time and before the end of what should answer
 */
export async function waitUntilServing(
  port: number,
  pki: LocalPki,
  limitMs: number,
  ended: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!ended.aborted && performance.now() < deadline) {
    if (await isServing(port, pki)) {
      return true;
    }
    await Bun.sleep(POLL_MS);
  }
  return false;
}
