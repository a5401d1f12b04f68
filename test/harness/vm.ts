/**
 * The test VM: Debian's stock cloud kernel, our initramfs as PID 1, a site archive with a fresh PKI, and one forwarded
 * port. One call boots it and comes back when the API answers. Boot once per test file.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { buildInitramfs, joinArchives } from "../../build/initramfs.ts";
import { ensureKernel } from "../../build/kernel-package.ts";
import { DIST, inRoot } from "../../build/paths.ts";
import { siteArchive } from "../../build/site.ts";
import {
  type CredentialPaths,
  type Credentials,
  readCredentials,
} from "../../src/client/credentials.ts";
import { createTransport } from "../../src/client/transport.ts";
import { MachineService } from "../../src/gen/aurae/machine/v0/machine_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../src/gen/grpc/health/v1/health_pb.ts";
import { clientConfigToml } from "../../src/base/client-config.ts";
import { runPkiCommand } from "../../src/pki/command.ts";
import { Qemu, type QemuEnd } from "./qemu.ts";

const API_PORT = 8080;
/** QEMU's user network: the guest is .15, the gateway .2 (its manual, -netdev user). */
const ADDRESS = "ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off";
/** The kernel tests its ciphers at every boot otherwise, which takes half a second under emulation. */
const NO_CIPHER_TESTS = "cryptomgr.notests";
/** For {@link TestVm.explainSilence}: keys that have the kernel tell of itself. */
const SYSRQ = "sysrq_always_enabled=1";
const READY = /TCP Access Socket created/;
const BOOT_TIMEOUT_MS = 90_000;
const END_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** What the kernel takes to print all its tasks over an emulated serial port. */
const SYSRQ_MS = 3_000;
const SILENCE_LINES = 300;

export interface VmOptions {
  /** Names the console's log, `dist/logs/NAME.log`. */
  readonly name: string;
  /** Words for the kernel command line, after ours. */
  readonly commandLine?: readonly string[];
  /** Further files for /etc/aurae. */
  readonly site?: Readonly<Record<string, string | Uint8Array>>;
  /** Archives of files anywhere, behind the site's. */
  readonly archives?: readonly Uint8Array[];
  /** Whether the site has the certificate of the client "boot", and a configuration for it. Left out: no. */
  readonly hasBootIdentity?: boolean;
  readonly memoryMib?: number;
  readonly cpus?: number;
  /** The size of an empty disk, /dev/vda. Left out: none. */
  readonly diskMib?: number;
  /** Files that are disks, after that one. */
  readonly disks?: readonly string[];
  /** Whether the console is virtio's, hvc0, and there is no serial port. Left out: no. */
  readonly hasVirtioConsole?: boolean;
  /** What runs as auraed instead of dist/auraed. */
  readonly executable?: string;
  /**
   * Boots the archive as it is shipped. By default it is unpacked before QEMU gets it: under software emulation the
   * kernel takes two seconds for that, and the guest sees the same files.
   */
  readonly compressed?: boolean;
  /** What on the console says that it is ready; then, unless this is given, Health has to say SERVING. */
  readonly ready?: RegExp;
}

export interface VmPki extends CredentialPaths {
  readonly dir: string;
  readonly credentials: Credentials;
}

export interface VmEnd extends QemuEnd {
  /** Whether the guest's kernel panicked. */
  readonly panicked: boolean;
}

export class TestVm implements AsyncDisposable {
  /** `127.0.0.1:PORT`, which leads to the guest's API. */
  readonly address: string;
  readonly port: number;
  readonly pki: VmPki;
  /** How the machine ended, once it has. */
  readonly exited: Promise<VmEnd>;
  /** From QEMU's start until it was ready. */
  readonly bootMs: number;
  readonly #qemu: Qemu;
  readonly #directory: string;

  constructor(qemu: Qemu, directory: string, pki: VmPki, port: number, bootMs: number) {
    this.#qemu = qemu;
    this.#directory = directory;
    this.pki = pki;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.bootMs = bootMs;
    this.exited = qemu.exited.then((end) => {
      return { ...end, panicked: /Kernel panic/.test(qemu.console.text) };
    });
  }

  client<S extends DescService>(service: S): Client<S> {
    return createClient(service, transportTo(this.port, this.pki));
  }

  /** The arguments of curl for a call over this machine's PKI, without the address. */
  curlArguments(): string[] {
    const { caCrt, clientCrt, clientKey } = this.pki;
    return ["--cacert", caCrt, "--cert", clientCrt, "--key", clientKey];
  }

  /** All that the console has shown. */
  console(): string {
    return this.#qemu.console.text;
  }

  /** The end of the console and where all of it is, for the message of a failure. */
  consoleTail(): string {
    return this.#qemu.console.tail();
  }

  waitForConsole(pattern: RegExp, timeoutMs = END_TIMEOUT_MS): Promise<RegExpExecArray> {
    return this.#qemu.console.waitFor(pattern, timeoutMs);
  }

  /** Presses the machine's power button (ACPI). */
  async pressPowerButton(): Promise<void> {
    await this.#qemu.qmp.execute("system_powerdown");
  }

  /** Presses ctrl-alt-del on the machine's keyboard. */
  async pressCtrlAltDel(): Promise<void> {
    const keys = ["ctrl", "alt", "delete"].map((data) => ({ type: "qcode", data }));
    await this.#qemu.qmp.execute("send-key", { keys });
  }

  /**
   * For a machine that no longer answers: where its processors are, and what its kernel says of the daemon's threads. All
   * of that is at the end of the console, too.
   * @returns nothing of one that answers
   */
  async explainSilence(): Promise<string> {
    if (await this.#answers()) {
      return "";
    }
    const { console, qmp } = this.#qemu;
    const start = console.text.length;
    for (let look = 0; look < 3; look++) {
      const registers = { "command-line": "info registers -a" };
      const text = String(await qmp.execute("human-monitor-command", registers));
      const places = text.match(/^CPU#\d+|^RIP=.*|^CS =\S+ \S+|^CR3=.*/gm) ?? [];
      console.append(`processors: ${places.join(" ")}\n`);
    }
    // Everything to the console; backtraces of what runs, tasks that wait uninterruptibly, and all tasks (admin-guide/sysrq.rst).
    for (const key of ["8", "l", "w", "t"]) {
      const keys = ["alt", "sysrq", key].map((data) => ({ type: "qcode", data }));
      await qmp.execute("send-key", { keys });
      await Bun.sleep(SYSRQ_MS);
    }
    return daemonsPart(console.text.slice(start));
  }

  async #answers(): Promise<boolean> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    try {
      await this.client(Health).check({}, { signal });
      return true;
    } catch {
      return false;
    }
  }

  /** Asks the API to switch the machine off, and waits until it is. */
  async powerOff(): Promise<VmEnd> {
    await this.client(MachineService).powerOff({});
    return this.ended();
  }

  /** The machine's end, or a failure that shows its console. */
  async ended(timeoutMs = END_TIMEOUT_MS): Promise<VmEnd> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`the machine did not end in ${timeoutMs} ms\n${this.consoleTail()}`));
    }, timeoutMs);
    try {
      return await Promise.race([this.exited, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Switches it off as a power failure would. */
  async kill(): Promise<void> {
    await this.#qemu.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Of what the kernel says of all tasks, what there is to know of the daemon's threads. */
function daemonsPart(text: string): string {
  const [before = "", ...tasks] = text.replace(/^\[ *[\d.]+\] /gm, "").split(/^(?=task:)/m);
  const threads = tasks.filter((task) =>
    /\bppid:1 |^task:(auraed|init|Heap|Bun|JIT|HTTP)/.test(task),
  );
  return [before, ...threads].join("").split("\n").slice(0, SILENCE_LINES).join("\n");
}

function transportTo(port: number, pki: VmPki) {
  return createTransport({
    address: { kind: "tcp", host: "127.0.0.1", port },
    credentials: pki.credentials,
    paths: pki,
  });
}

async function createPki(directory: string): Promise<VmPki> {
  const dir = join(directory, "pki");
  let complaints = "";
  const code = await runPkiCommand(["--dir", dir], {
    stdout: () => undefined,
    stderr: (text) => {
      complaints += text;
    },
  });
  if (code !== 0) {
    throw new Error(`make the PKI of a test VM: ${complaints}`);
  }
  const paths = {
    caCrt: join(dir, "ca.crt"),
    clientCrt: join(dir, "_signed.client.nova.crt"),
    clientKey: join(dir, "client.nova.key"),
  };
  return { dir, ...paths, credentials: readCredentials(paths) };
}

const SERVER_FILES = ["ca.crt", "_signed.server.crt", "server.key"];
const BOOT_FILES = ["_signed.client.boot.crt", "client.boot.key"];
/** For programs in the guest that look for a configuration, as it is seen there. */
const BOOT_CONFIG = clientConfigToml({
  caCrt: "/etc/aurae/pki/ca.crt",
  clientCrt: "/etc/aurae/pki/_signed.client.boot.crt",
  clientKey: "/etc/aurae/pki/client.boot.key",
  socket: `[::1]:${API_PORT}`,
});

/** The site's folder: of the PKI only what the machine needs. */
function writeSite(directory: string, pki: VmPki, options: VmOptions): string {
  const site = join(directory, "site");
  const { site: more, hasBootIdentity = false } = options;
  const files: Record<string, string | Uint8Array> = {
    ...(hasBootIdentity ? { config: BOOT_CONFIG } : {}),
    ...more,
  };
  for (const name of [...SERVER_FILES, ...(hasBootIdentity ? BOOT_FILES : [])]) {
    files[`pki/${name}`] = readFileSync(join(pki.dir, name));
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(site, path)), { recursive: true });
    writeFileSync(join(site, path), content, { mode: path.endsWith(".key") ? 0o600 : 0o644 });
  }
  return site;
}

/** Our initramfs with the machine's own archive behind it, in one file for QEMU. */
function writeInitrd(directory: string, site: string, options: VmOptions, modules: string): string {
  const { path } = buildInitramfs({
    kernelModules: modules,
    ...(options.executable === undefined
      ? {}
      : { executable: options.executable, out: join(directory, "initramfs.cpio.zst") }),
  });
  const shipped = readFileSync(path);
  const image = options.compressed === true ? shipped : Bun.zstdDecompressSync(shipped);
  const out = join(directory, "initrd");
  writeFileSync(out, joinArchives([image, siteArchive(site), ...(options.archives ?? [])]));
  return out;
}

function writeDisk(directory: string, sizeMib: number): string {
  const path = join(directory, "disk");
  writeFileSync(path, "");
  truncateSync(path, sizeMib * 1024 * 1024);
  return path;
}

async function waitUntilReady(qemu: Qemu, pki: VmPki, ready: RegExp | undefined): Promise<number> {
  await qemu.console.waitFor(ready ?? READY, BOOT_TIMEOUT_MS);
  const port = await qemu.hostPort();
  if (ready === undefined) {
    const { status } = await createClient(Health, transportTo(port, pki)).check({});
    if (status !== HealthCheckResponse_ServingStatus.SERVING) {
      throw new Error(`the guest's health is ${HealthCheckResponse_ServingStatus[status]}`);
    }
  }
  return port;
}

/** @throws {Error} with the end of the console, where it does not come up */
export async function bootVm(options: VmOptions): Promise<TestVm> {
  const kernel = ensureKernel(inRoot(".cache"));
  const directory = mkdtempSync(join(tmpdir(), "auraed-vm-"));
  const logs = join(DIST, "logs");
  mkdirSync(logs, { recursive: true });
  let qemu: Qemu | undefined;
  try {
    const pki = await createPki(directory);
    const site = writeSite(directory, pki, options);
    const initrd = writeInitrd(directory, site, options, kernel.modulesDir);
    const console = options.hasVirtioConsole === true ? "hvc0" : "ttyS0";
    const ours = [`console=${console}`, "panic=-1", "quiet", NO_CIPHER_TESTS, SYSRQ, ADDRESS];
    const words = [...ours, ...(options.commandLine ?? [])];
    const start = performance.now();
    qemu = await Qemu.start({
      directory,
      consolePath: join(logs, `${options.name}.log`),
      kernel: kernel.image,
      initrd,
      commandLine: words.join(" "),
      memoryMib: options.memoryMib ?? 512,
      cpus: options.cpus ?? 2,
      disks: [
        ...(options.diskMib === undefined ? [] : [writeDisk(directory, options.diskMib)]),
        ...(options.disks ?? []),
      ],
      hasVirtioConsole: options.hasVirtioConsole === true,
      guestPort: API_PORT,
    });
    const port = await waitUntilReady(qemu, pki, options.ready);
    return new TestVm(qemu, directory, pki, port, Math.round(performance.now() - start));
  } catch (error) {
    await qemu?.kill();
    rmSync(directory, { recursive: true, force: true });
    const tail = qemu === undefined ? "" : `\n${qemu.console.tail()}`;
    throw new Error(`boot the test VM "${options.name}"${tail}`, { cause: error });
  }
}
