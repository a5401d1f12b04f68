/**
 * `start`: sets up, builds, makes a PKI if there is none, and runs the daemon in the foreground. What it keeps is in
 * `.aurae/` of the repository, and in no place of the machine's own.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { buildCommand } from "./bundle.ts";
import { BuildError } from "./error.ts";
import { runInForeground } from "./foreground.ts";
import { EXECUTABLE, inRoot, ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { step } from "./step.ts";

const STATE = inRoot(".aurae");
const PKI = join(STATE, "pki");
const CONFIG = join(STATE, "config");
const DEFAULT_PORT = 8080;
/** sockaddr_un.sun_path has 108 bytes, the last of them NUL (unix(7)). */
const LONGEST_SOCKET_BYTES = 107;
const READY_POLL_MS = 50;
const READY_LIMIT_MS = 15_000;
/** A client certificate with the role admin, which `auraed pki` makes unless told otherwise. */
const CLIENT = "nova";
/** The name on the server's certificate, for connections that have no host name. */
const SERVER_NAME = "localhost";

const FILES = {
  ca: join(PKI, "ca.crt"),
  clientCertificate: join(PKI, `_signed.client.${CLIENT}.crt`),
  clientKey: join(PKI, `client.${CLIENT}.key`),
  serverCertificate: join(PKI, "_signed.server.crt"),
  serverKey: join(PKI, "server.key"),
};

function parsePort(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { port: { type: "string" } } });
  const port = Number(values.port ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new BuildError(`--port takes a number from 1 to 65535, not "${values.port}"`);
  }
  return port;
}

/** @throws {BuildError} when somebody listens on the port already */
async function checkPort(port: number): Promise<void> {
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
        ? `port ${port} is taken, perhaps by a daemon that you started before`
        : `can't listen on 127.0.0.1:${port}: ${String(code ?? cause)}`;
    throw new BuildError(`${reason}: end that, or run \`npm start -- --port N\``, { cause });
  }
}

/** Where the Unix socket goes: beside the rest, unless the path is longer than a socket's may be. */
function chooseSocket(): string {
  const path = join(STATE, "run/aurae.sock");
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_BYTES) {
    return path;
  }
  const short = `/run/auraed-${Bun.hash(ROOT).toString(36)}/aurae.sock`;
  console.log(`the path of this folder is too long for a Unix socket, which goes to ${short}`);
  return short;
}

/** Makes what is missing of the PKI. A configuration that names other paths, since the folder was moved, goes. */
async function ensurePki(socket: string): Promise<string> {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const isCurrent = (text: string) =>
    text.includes(JSON.stringify(socket)) && text.includes(JSON.stringify(FILES.ca));
  const hasConfig = existsSync(CONFIG) && isCurrent(readFileSync(CONFIG, "utf8"));
  if (hasConfig && Object.values(FILES).every((path) => existsSync(path))) {
    return "there already";
  }
  rmSync(CONFIG, { force: true });
  await run([EXECUTABLE, "pki", "--dir", PKI, "--config", CONFIG, "--socket", socket]);
  return "ok";
}

function daemonArguments(socket: string, port: number): string[] {
  const options = {
    "--ca-crt": FILES.ca,
    "--server-crt": FILES.serverCertificate,
    "--server-key": FILES.serverKey,
    "--runtime-dir": join(STATE, "run"),
    "--library-dir": join(STATE, "lib"),
  };
  return [...Object.entries(options).flat(), "--socket", socket, "--socket", `127.0.0.1:${port}`];
}

/** Lines to paste into another terminal. */
function examples(socket: string, port: number): string {
  const short = (path: string) => {
    const inside = relative(ROOT, path);
    return inside.startsWith("..") ? path : inside;
  };
  const identity = [
    `--cacert ${short(FILES.ca)}`,
    `--cert ${short(FILES.clientCertificate)}`,
    `--key ${short(FILES.clientKey)}`,
  ].join(" ");
  const json = `--json '{}'`;
  const aer = `dist/aer --config ${short(CONFIG)}`;
  return [
    "",
    "auraed is up. In another terminal, in this folder:",
    "",
    `  curl ${identity} ${json} https://127.0.0.1:${port}/aurae.discovery.v0.DiscoveryService/Discover`,
    `  curl ${identity} --unix-socket ${short(socket)} ${json} https://${SERVER_NAME}/grpc.health.v1.Health/Check`,
    "",
    `  ${aer} health check`,
    `  ${aer} discovery discover`,
    `  ${aer} cell list`,
    "",
    "Ctrl-C ends it.",
    "",
  ].join("\n");
}

async function isServing(port: number): Promise<boolean> {
  try {
    const response = await fetch(`https://127.0.0.1:${port}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      tls: {
        ca: readFileSync(FILES.ca, "utf8"),
        cert: readFileSync(FILES.clientCertificate, "utf8"),
        key: readFileSync(FILES.clientKey, "utf8"),
      },
      signal: AbortSignal.timeout(READY_LIMIT_MS),
    });
    return response.ok && (await response.text()).includes("SERVING");
  } catch {
    // ECONNREFUSED and the like: not yet.
    return false;
  }
}

/** Asks until the daemon answers, since nothing tells us; then prints what to try. */
async function announce(socket: string, port: number, ended: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (!ended.aborted && performance.now() < deadline) {
    if (await isServing(port)) {
      console.log(examples(socket, port));
      return;
    }
    await Bun.sleep(READY_POLL_MS);
  }
  if (!ended.aborted) {
    console.error(`auraed does not answer on 127.0.0.1:${port} yet; what to try once it does:`);
    console.log(examples(socket, port));
  }
}

export async function startCommand(args: readonly string[]): Promise<void> {
  const port = parsePort(args);
  await buildCommand([]);
  const socket = chooseSocket();
  await step("PKI in .aurae/pki", () => ensurePki(socket));
  await checkPort(port);
  if (process.getuid?.() !== 0) {
    console.log("this is not root: cells need it, so expect them to fail; `sudo npm start` has it");
  }
  for (const folder of [dirname(socket), join(STATE, "run"), join(STATE, "lib")]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const argv = [EXECUTABLE, ...daemonArguments(socket, port)];
  process.exitCode = await runInForeground(argv, (ended) => announce(socket, port, ended));
}
