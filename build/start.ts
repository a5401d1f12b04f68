/**
 * `start`: sets up, builds, makes a PKI if there is none, and runs the daemon in the foreground. What it keeps is in
 * `.aurae/` of the repository, and in no place of the machine's own.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { buildCommand } from "./bundle.ts";
import { runInForeground } from "./foreground.ts";
import { checkPort, parsePort, waitUntilServing } from "./local-api.ts";
import { curlIdentity, ensureLocalPki, localPkiIn, shortPath } from "./local-pki.ts";
import { EXECUTABLE, inRoot, ROOT } from "./paths.ts";
import { step } from "./step.ts";

const STATE = inRoot(".aurae");
const PKI = localPkiIn(STATE);
const DEFAULT_PORT = "8080";
/** sockaddr_un.sun_path has 108 bytes, the last of them NUL (unix(7)). */
const LONGEST_SOCKET_BYTES = 107;
const READY_LIMIT_MS = 15_000;
/** The name on the server's certificate, for connections that have no host name. */
const SERVER_NAME = "localhost";

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

function daemonArguments(socket: string, port: number): string[] {
  const options = {
    "--ca-crt": PKI.ca,
    "--server-crt": PKI.serverCertificate,
    "--server-key": PKI.serverKey,
    "--runtime-dir": join(STATE, "run"),
    "--library-dir": join(STATE, "lib"),
  };
  return [...Object.entries(options).flat(), "--socket", socket, "--socket", `127.0.0.1:${port}`];
}

/** Lines to paste into another terminal. */
function examples(socket: string, port: number): string {
  const identity = curlIdentity(PKI);
  const json = `--json '{}'`;
  const aer = `dist/aer --config ${shortPath(PKI.config)}`;
  return [
    "",
    "auraed is up. In another terminal, in this folder:",
    "",
    `  curl ${identity} ${json} https://127.0.0.1:${port}/aurae.discovery.v0.DiscoveryService/Discover`,
    `  curl ${identity} --unix-socket ${shortPath(socket)} ${json} https://${SERVER_NAME}/grpc.health.v1.Health/Check`,
    "",
    `  ${aer} health check`,
    `  ${aer} cell allocate demo`,
    `  ${aer} cell start demo napper -c "sleep 60"`,
    `  ${aer} cell list`,
    `  ${aer} cell free demo`,
    "",
    "Ctrl-C ends it.",
    "",
  ].join("\n");
}

async function announce(socket: string, port: number, ended: AbortSignal): Promise<void> {
  if (await waitUntilServing(port, PKI, READY_LIMIT_MS, ended)) {
    console.log(examples(socket, port));
  } else if (!ended.aborted) {
    console.error(`auraed does not answer on 127.0.0.1:${port} yet; what to try once it does:`);
    console.log(examples(socket, port));
  }
}

export async function startCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { port: { type: "string" } } });
  const port = parsePort(values.port ?? DEFAULT_PORT);
  await buildCommand([]);
  const socket = chooseSocket();
  await step("PKI in .aurae/pki", () => ensureLocalPki(PKI, socket));
  await checkPort(port, "npm start --");
  if (process.getuid?.() !== 0) {
    console.log("this is not root: cells need it, so expect them to fail; `sudo npm start` has it");
  }
  for (const folder of [dirname(socket), join(STATE, "run"), join(STATE, "lib")]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const argv = [EXECUTABLE, ...daemonArguments(socket, port)];
  process.exitCode = await runInForeground(argv, (ended) => announce(socket, port, ended));
}
