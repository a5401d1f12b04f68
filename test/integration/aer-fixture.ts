/**
 * A server with scripted cells, and `aer` run against it inside the test: its words in, its output and exit code out.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientConfigToml } from "../../src/base/client-config.ts";
import { createTransport, type TransportOptions } from "../../src/client/transport.ts";
import { FakeHost } from "../harness/fake-host.ts";
import type { Host } from "../../src/cli/interactive/host.ts";
import { runAer } from "../../src/cli/run.ts";
import { type Fixture, type FixtureOptions, type Pair, startFixture } from "./server-fixture.ts";

export interface AerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface AerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Told of each piece of standard output as it is written; bytes as Latin-1. */
  readonly onStdout?: (text: string) => void;
  readonly host?: Host;
  readonly isTerminal?: boolean;
}

export class AerFixture implements AsyncDisposable {
  readonly server: Fixture;
  readonly config: string;

  private constructor(server: Fixture) {
    this.server = server;
    this.config = join(server.directory, "aer.toml");
    writeFileSync(this.config, configText(server, server.admin));
  }

  static async start(options: FixtureOptions = {}): Promise<AerFixture> {
    return new AerFixture(await startFixture(options));
  }

  /** `aer --config … words`. */
  aer(words: readonly string[], options: AerOptions = {}): Promise<AerResult> {
    return aer(["--config", this.config, ...words], options);
  }

  /** The PEM flags of somebody. */
  as(pair: Pair): string[] {
    return ["--client-crt", pair.crt, "--client-key", pair.key];
  }

  transport(options: Partial<TransportOptions> = {}) {
    const { admin, authority, caFile, socketPath } = this.server;
    return createTransport({
      address: { kind: "unix", path: socketPath },
      credentials: {
        ca: authority.certificatePem,
        cert: admin.certificatePem,
        key: admin.keyPem,
      },
      paths: { caCrt: caFile, clientCrt: admin.crt, clientKey: admin.key },
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

/** Runs one command line. */
export async function aer(
  argv: readonly string[],
  {
    env = {},
    signal = new AbortController().signal,
    onStdout,
    host = new FakeHost(),
    isTerminal = false,
  }: AerOptions = {},
): Promise<AerResult> {
  let stdout = "";
  let stderr = "";
  const code = await runAer(argv, {
    stdout: async (text) => {
      const words = typeof text === "string" ? text : Buffer.from(text).toString("latin1");
      stdout += words;
      onStdout?.(words);
    },
    stderr: async (text) => {
      stderr += typeof text === "string" ? text : Buffer.from(text).toString("latin1");
    },
    host: async () => host,
    env,
    isTerminal,
    signal,
    version: "1.2.3",
  });
  return { code, stdout, stderr };
}

export function configText(server: Fixture, pair: Pair): string {
  return clientConfigToml({
    caCrt: server.caFile,
    clientCrt: pair.crt,
    clientKey: pair.key,
    socket: server.socketPath,
  });
}
