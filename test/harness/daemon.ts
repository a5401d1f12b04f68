/**
 * Runs the built daemon on this host, with certificates and folders of its own, and talks to it as a stranger would:
 * by curl. One folder a daemon; `stop` removes it.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import type { Subprocess } from "bun";
import { readCredentials } from "../../src/client/credentials.ts";
import { createTransport } from "../../src/client/transport.ts";
import { type Answer, type Caller, curlArgs, curlCall, type Ended, run } from "./curl.ts";

const ROOT = resolve(import.meta.dir, "../..");

/** The executable under test. */
export const AURAED = join(ROOT, "dist/auraed");

const READY_TIMEOUT_MS = 10_000;

export interface CallOptions extends Pick<Caller, "as" | "http"> {
  readonly over?: "tcp" | "unix";
}

export class TestDaemon {
  readonly directory: string;
  readonly port: number;
  readonly #child: Subprocess<"ignore", "pipe", "pipe">;
  readonly #log: { text: string };
  readonly #stderr: Promise<string>;

  private constructor(
    directory: string,
    child: Subprocess<"ignore", "pipe", "pipe">,
    log: { text: string },
    port: number,
  ) {
    this.directory = directory;
    this.#child = child;
    this.#log = log;
    this.#stderr = child.stderr.text();
    this.port = port;
  }

  /** A folder with a PKI in it, and the flags that point the daemon there. */
  static async prepare(): Promise<{ directory: string; flags: string[] }> {
    if (!existsSync(AURAED)) {
      throw new Error("dist/auraed is missing: build it with `npm run build`");
    }
    const directory = mkdtempSync(join(tmpdir(), "aurae-daemon-"));
    const pki = join(directory, "pki");
    const made = await run([AURAED, "pki", "--dir", pki]);
    if (made.code !== 0) {
      throw new Error(`auraed pki: ${made.stderr}`);
    }
    return TestDaemon.#flagsIn(directory);
  }

  static #flagsIn(directory: string): { directory: string; flags: string[] } {
    const pki = join(directory, "pki");
    return {
      directory,
      flags: [
        ["--ca-crt", join(pki, "ca.crt")],
        ["--server-crt", join(pki, "_signed.server.crt")],
        ["--server-key", join(pki, "server.key")],
        ["--runtime-dir", join(directory, "run")],
        ["--library-dir", join(directory, "lib")],
      ].flat(),
    };
  }

  /** Runs the daemon with these flags and waits for it to end by itself, as it must when it can't start. */
  static runToEnd(flags: readonly string[], wrapper: readonly string[] = []): Promise<Ended> {
    return run([...wrapper, AURAED, ...flags]);
  }

  static async start(...more: string[]): Promise<TestDaemon> {
    return TestDaemon.#startIn(await TestDaemon.prepare(), more);
  }

  /** The daemon that comes after this one has ended, in the same folder. */
  successor(): Promise<TestDaemon> {
    return TestDaemon.#startIn(TestDaemon.#flagsIn(this.directory), []);
  }

  static async #startIn(
    { directory, flags }: { directory: string; flags: string[] },
    more: readonly string[],
  ): Promise<TestDaemon> {
    const child = Bun.spawn(
      [
        AURAED,
        ...flags,
        "--socket",
        join(directory, "run/aurae.sock"),
        "--socket",
        "127.0.0.1:0",
        ...more,
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const log = { text: "" };
    const ready = Promise.withResolvers<number>();
    void (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) {
        log.text += decoder.decode(chunk, { stream: true });
        const port = /TCP Access Socket created: 127\.0\.0\.1:(\d+)\n/.exec(log.text)?.[1];
        if (port !== undefined) {
          ready.resolve(Number(port));
        }
      }
      ready.reject(new Error(`the daemon ended before it was ready:\n${log.text}`));
    })();
    const timer = setTimeout(
      () => ready.reject(new Error(`the daemon is not ready:\n${log.text}`)),
      READY_TIMEOUT_MS,
    );
    try {
      return new TestDaemon(directory, child, log, await ready.promise);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get socket(): string {
    return join(this.directory, "run/aurae.sock");
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#log.text;
  }

  /** The folder of the PKI, or a file in it. */
  pki(file = ""): string {
    return join(this.directory, "pki", file);
  }

  /** Who calls, and where. */
  caller(options: CallOptions = {}): Caller {
    const { over = "tcp", ...rest } = options;
    return over === "tcp"
      ? { ...rest, pki: this.pki(), authority: `127.0.0.1:${this.port}` }
      : { ...rest, pki: this.pki(), authority: "server.unsafe.aurae.io", socket: this.socket };
  }

  /** The arguments that make curl trust the daemon and tell it who asks. */
  curlArgs(options: CallOptions = {}): string[] {
    return curlArgs(this.caller(options));
  }

  /** Calls a method by curl, as Connect with JSON. */
  call(method: string, request: unknown = {}, options: CallOptions = {}): Promise<Answer> {
    return curlCall(this.caller(options), method, request);
  }

  /** A typed client, as an administrator. */
  client<S extends DescService>(service: S): Client<S> {
    const paths = {
      caCrt: this.pki("ca.crt"),
      clientCrt: this.pki("_signed.client.nova.crt"),
      clientKey: this.pki("client.nova.key"),
    };
    const credentials = readCredentials(paths);
    const address = { kind: "tcp", host: "127.0.0.1", port: this.port } as const;
    return createClient(service, createTransport({ address, credentials, paths }));
  }

  /** Sends the daemon a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the daemon by a signal and waits for its end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.#child.kill(signal);
    const code = await this.#child.exited;
    return { code, stdout: this.log, stderr: await this.#stderr };
  }

  /** Ends the daemon and removes its folder. */
  async stop(): Promise<Ended> {
    const ended = await this.end();
    rmSync(this.directory, { recursive: true, force: true });
    return ended;
  }
}
