/** A server of its own for a test file: a PKI, listeners on TCP and Unix, every service, and raw ways to speak to it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { ServiceImpl } from "@connectrpc/connect";
import { createGate } from "../../src/authz/gate.ts";
import type { Grant } from "../../src/authz/grants.ts";
import { createIdentify } from "../../src/authz/identity.ts";
import { Policy } from "../../src/authz/policy.ts";
import type { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import type { VmService } from "../../src/gen/aurae/vms/v0/vms_pb.ts";
import { peerUid } from "../../src/kernel/net/peer-credentials.ts";
import type { Authority } from "../../src/pki/authority.ts";
import { guarded } from "../../src/service/errors.ts";
import { HealthRegistry } from "../../src/service/health/registry.ts";
import { jsonText } from "../../src/service/json/json-text.ts";
import { createRoutes, INTERCEPTORS } from "../../src/service/routes.ts";
import type { Limits } from "../../src/transport/limits.ts";
import { type AnswerRequest, createRpcAnswer, type RpcOptions } from "../../src/transport/rpc.ts";
import { Server, type ServerOptions } from "../../src/transport/server.ts";

// Not a static import: side by side with CommonJS modules its polyfill would come after what needs it.
const { createAuthority, issueCertificate } = await import("../../src/pki/authority.ts");

export const TRUST_DOMAIN = "test.local";
export const SERVER_NAME = "server.unsafe.aurae.io";

export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** The same, in files, for curl. */
  readonly crt: string;
  readonly key: string;
}

export class Fixture implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "aurae-server-"));
  readonly health = new HealthRegistry();
  readonly socketPath = join(this.directory, "run", "aurae.sock");
  /** Where a relay would have others' connections. */
  readonly relayPath = join(this.directory, "run", "relay.sock");
  authority!: Authority;
  caFile = "";
  serverPair!: Pair;
  admin!: Pair;
  reader!: Pair;
  server!: Server;
  answer!: AnswerRequest;
  #serial = 0;

  async pair(options: Partial<Parameters<typeof issueCertificate>[1]>, authority = this.authority) {
    const issued = await issueCertificate(authority, {
      commonName: "somebody",
      usage: "client",
      ...options,
    });
    this.#serial += 1;
    const crt = join(this.directory, `${this.#serial}.crt`);
    const key = join(this.directory, `${this.#serial}.key`);
    writeFileSync(crt, issued.certificatePem);
    writeFileSync(key, issued.keyPem, { mode: 0o600 });
    return { certificatePem: issued.certificatePem, keyPem: issued.keyPem, crt, key };
  }

  get tls() {
    return {
      caPem: this.authority.certificatePem,
      certificatePem: this.serverPair.certificatePem,
      keyPem: this.serverPair.keyPem,
    };
  }

  get port(): number {
    const address = this.server.addresses.find((each) => each.kind === "tcp");
    return address?.kind === "tcp" ? address.port : 0;
  }

  get baseUrl(): string {
    return `https://localhost:${this.port}`;
  }

  /** What a client passes to node:tls and node:http2. */
  clientTls(pair: Pair = this.admin) {
    return {
      ca: this.authority.certificatePem,
      cert: pair.certificatePem,
      key: pair.keyPem,
      servername: SERVER_NAME,
    };
  }

  /** A TLS connection with bytes of the test's own making. */
  async rawTls(
    alpn: "h2" | "http/1.1",
    pair: Pair = this.admin,
    unix = false,
    port = this.port,
  ): Promise<RawPeer> {
    const where = unix ? { path: this.socketPath } : { host: "127.0.0.1", port };
    const socket = connectTls({ ...where, ...this.clientTls(pair), ALPNProtocols: [alpn] });
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
    });
    return peer;
  }

  /** Runs curl; answers with its exit code, its output and its errors. */
  async curl(args: readonly string[], body?: string | Uint8Array) {
    const child = Bun.spawn(["curl", "-sS", "--max-time", "20", ...args], {
      stdin: body === undefined ? "ignore" : new Blob([body as string]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { stdout, stderr, exitCode };
  }

  /** Arguments for curl to speak as somebody. */
  as(pair: Pair): string[] {
    return ["--cacert", this.caFile, "--cert", pair.crt, "--key", pair.key];
  }

  url(path: string): string {
    return `https://${SERVER_NAME}:${this.port}/${path}`;
  }

  /** What makes curl find the server's name on loopback. */
  get resolve(): string[] {
    return ["--resolve", `${SERVER_NAME}:${this.port}:127.0.0.1`];
  }

  /** A unary call in Connect's JSON, by curl. */
  async post(path: string, body: string | Uint8Array, ...args: string[]) {
    const { stdout, stderr, exitCode } = await this.curl(
      [
        ...this.as(this.admin),
        ...this.resolve,
        ...["-H", "content-type: application/json", "-H", "expect:"],
        ...["--data-binary", "@-", "-w", "\n%{http_code}"],
        ...args,
        this.url(path),
      ],
      body,
    );
    if (exitCode !== 0) {
      throw new Error(`curl: ${exitCode}: ${stderr}`);
    }
    const end = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server?.close(0);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The other end of a raw connection: what came, and when it closed. */
export class RawPeer {
  readonly socket: TLSSocket;
  readonly closed: Promise<void>;
  received = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake?.();
    });
    void this.closed.then(() => this.#wake?.());
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes, "latin1");
  }

  /** Resolves when what came matches; rejects when the connection closes first. */
  async until(matches: (text: string) => boolean): Promise<string> {
    while (!matches(this.text)) {
      if (this.socket.destroyed) {
        throw new Error(`the connection closed after ${JSON.stringify(this.text)}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }
}

export interface FixtureOptions {
  readonly limits?: Partial<Limits>;
  readonly grants?: readonly Grant[];
  readonly cells?: Partial<ServiceImpl<typeof CellService>>;
  readonly observe?: Partial<ServiceImpl<typeof ObserveService>>;
  readonly vms?: Partial<ServiceImpl<typeof VmService>>;
  readonly options?: Partial<ServerOptions & RpcOptions>;
  /** The server listens, and the test says when it serves. */
  readonly isMute?: boolean;
  /** Reads SO_PEERCRED in place of the kernel. */
  readonly peerUid?: (fd: number) => number | undefined;
}

export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = new Fixture();
  fixture.authority = await createAuthority({ trustDomain: TRUST_DOMAIN, commonName: "test ca" });
  fixture.caFile = join(fixture.directory, "ca.crt");
  writeFileSync(fixture.caFile, fixture.authority.certificatePem);
  fixture.serverPair = await fixture.pair({
    commonName: SERVER_NAME,
    dnsNames: [SERVER_NAME, "localhost"],
    ipAddresses: ["127.0.0.1"],
    uris: [`spiffe://${TRUST_DOMAIN}/auraed`],
    usage: "server",
  });
  fixture.admin = await fixture.pair({
    commonName: "admin",
    uris: [`spiffe://${TRUST_DOMAIN}/role/admin/test`],
  });
  fixture.reader = await fixture.pair({
    commonName: "reader",
    uris: [`spiffe://${TRUST_DOMAIN}/role/reader/test`],
  });
  const policy = new Policy({ trustDomain: TRUST_DOMAIN, grants: options.grants ?? [] });
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  fixture.server = await Server.listen({
    listeners: [
      { kind: "tcp", host: "127.0.0.1", port: 0 },
      { kind: "unix", path: fixture.socketPath },
      { kind: "relay", path: fixture.relayPath, from: "elsewhere" },
    ],
    tls: fixture.tls,
    identify: createIdentify(options.peerUid ?? peerUid),
    ...limits,
    ...options.options,
  });
  fixture.answer = createRpcAnswer({
    jsonText,
    routes: createRoutes({
      version: "1.2.3",
      health: fixture.health,
      machine: undefined,
      ...(options.cells === undefined ? {} : { cells: options.cells }),
      ...(options.observe === undefined ? {} : { observe: options.observe }),
      ...(options.vms === undefined ? {} : { vms: options.vms }),
    }),
    interceptors: INTERCEPTORS,
    gate: guarded(createGate(policy)),
    ...limits,
    ...options.options,
  });
  if (options.isMute !== true) {
    fixture.server.serve(fixture.answer);
  }
  return fixture;
}
