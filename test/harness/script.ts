/** Runs scripts by the built `auraescript`, each from a file of a folder of its own, against a daemon. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { clientConfigToml } from "../../src/base/client-config.ts";
import type { CredentialPaths } from "../../src/client/credentials.ts";
import type { TestDaemon } from "./daemon.ts";
import type { Ended } from "./curl.ts";

/** The executable under test, by its other name. */
export const AURAESCRIPT = resolve(import.meta.dir, "../../dist/auraescript");

export interface RunOptions {
  /** Words after the script. */
  readonly args?: readonly string[];
  /** Flags before it, in place of the daemon's configuration. */
  readonly flags?: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Where scripts lead, and who they are. */
export interface ScriptTarget extends CredentialPaths {
  readonly socket: string;
}

export class Scripts implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "aurae-script-"));
  readonly #flags: readonly string[];

  /** Without a target, scripts find no configuration. */
  constructor(target?: ScriptTarget) {
    if (target === undefined) {
      this.#flags = [];
      return;
    }
    this.write("config", clientConfigToml(target));
    this.#flags = ["--config", this.path("config")];
  }

  /** Against a daemon of this host. */
  static against(daemon: TestDaemon): Scripts {
    return new Scripts({
      caCrt: daemon.pki("ca.crt"),
      clientCrt: daemon.pki("_signed.client.nova.crt"),
      clientKey: daemon.pki("client.nova.key"),
      socket: daemon.socket,
    });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file, and answers with its path. */
  write(name: string, text: string, { isExecutable = false } = {}): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (isExecutable) {
      chmodSync(path, 0o755);
    }
    return path;
  }

  spawn(words: readonly string[], { flags = this.#flags, stdin, env = {} }: RunOptions = {}) {
    return Bun.spawn([AURAESCRIPT, ...flags, ...words], {
      cwd: this.folder,
      env: { PATH: `${dirname(AURAESCRIPT)}:${process.env.PATH ?? ""}`, HOME: this.folder, ...env },
      stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** Runs `auraescript WORDS` to its end. */
  async run(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const child = this.spawn(words, options);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, stdout, stderr };
  }

  /** Runs a script that has this text. */
  async runText(text: string, options: RunOptions = {}): Promise<Ended> {
    const path = this.write("script.ts", text);
    return await this.run([path, ...(options.args ?? [])], options);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
