/**
 * `vm`: boots the initramfs in QEMU for a person to try: the guest's console is this terminal, and its API a port of
 * 127.0.0.1. What it keeps, certificates and the joined archive, is in `.aurae/vm` of the repository.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync, copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { buildCommand } from "./bundle.ts";
import { ensurePackages } from "./debian.ts";
import { BuildError } from "./error.ts";
import { runInForeground } from "./foreground.ts";
import { buildInitramfs, joinArchives } from "./initramfs.ts";
import { ensureKernel } from "./kernel-package.ts";
import { checkPort, parsePort, waitUntilServing } from "./local-api.ts";
import { curlIdentity, ensureLocalPki, localPkiIn, shortPath } from "./local-pki.ts";
import { inRoot } from "./paths.ts";
import { siteArchive } from "./site.ts";
import { step } from "./step.ts";

const STATE = inRoot(".aurae/vm");
const PKI = localPkiIn(STATE);
/** Not the 8080 of `start`, so that both can run. */
const DEFAULT_PORT = "8081";
const DEFAULT_MEMORY_MIB = "1024";
const DEFAULT_CPUS = "2";
const GUEST_PORT = 8080;
const READY_LIMIT_MS = 120_000;
/** QEMU's user network: the guest is .15, the gateway .2, the resolver .3 (its manual, -netdev user). */
const ADDRESS = "ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3";

interface VmOptions {
  readonly port: number;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly accelerator: "tcg" | "kvm";
  /** Further words for the kernel command line. */
  readonly words: readonly string[];
}

function parseCount(flag: string, value: string, most: number): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > most) {
    throw new BuildError(`${flag} takes a number from 1 to ${most}, not "${value}"`);
  }
  return count;
}

function optionsFrom(args: readonly string[]): VmOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: "string", default: DEFAULT_PORT },
      memory: { type: "string", default: DEFAULT_MEMORY_MIB },
      cpus: { type: "string", default: DEFAULT_CPUS },
      kvm: { type: "boolean", default: false },
    },
  });
  return {
    port: parsePort(values.port),
    memoryMib: parseCount("--memory", values.memory, 1024 * 1024),
    cpus: parseCount("--cpus", values.cpus, 255),
    accelerator: values.kvm ? "kvm" : "tcg",
    words: positionals,
  };
}

/** The machine's own files: of the PKI only what a server needs. */
function writeSite(): string {
  const site = join(STATE, "site");
  rmSync(site, { recursive: true, force: true });
  mkdirSync(join(site, "pki"), { recursive: true, mode: 0o700 });
  for (const path of [PKI.ca, PKI.serverCertificate, PKI.serverKey]) {
    copyFileSync(path, join(site, "pki", basename(path)));
  }
  return site;
}

/** The initramfs and the site as one file, which is all that QEMU takes. */
function writeInitrd(modulesDir: string): string {
  const { path } = buildInitramfs({ kernelModules: modulesDir });
  const initrd = join(STATE, "initrd");
  // It has the server's key in it.
  writeFileSync(initrd, joinArchives([readFileSync(path), siteArchive(writeSite())]), {
    mode: 0o600,
  });
  return initrd;
}

function qemuArguments(options: VmOptions, kernel: string, initrd: string): string[] {
  const { port, memoryMib, cpus, accelerator, words } = options;
  const commandLine = ["console=ttyS0", "quiet", ADDRESS, ...words].join(" ");
  return [
    ...["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-accel", accelerator, "-cpu", accelerator === "kvm" ? "host" : "max"],
    ...["-m", `${memoryMib}`, "-smp", `${cpus}`],
    ...["-kernel", kernel, "-initrd", initrd, "-append", commandLine],
    ...["-chardev", "stdio,id=console,mux=on,signal=off", "-serial", "chardev:console"],
    ...["-mon", "chardev=console,mode=readline"],
    ...["-netdev", `user,id=net0,hostfwd=tcp:127.0.0.1:${port}-:${GUEST_PORT}`],
    ...["-device", "virtio-net-pci,netdev=net0", "-device", "virtio-rng-pci"],
  ];
}

/** Lines to paste into another terminal. */
function examples(port: number): string {
  const aer = `dist/aer --config ${shortPath(PKI.config)}`;
  return [
    "",
    "The machine is up. In another terminal, in this folder:",
    "",
    `  curl ${curlIdentity(PKI)} --json '{}' https://127.0.0.1:${port}/aurae.discovery.v0.DiscoveryService/Discover`,
    "",
    `  ${aer} cell allocate demo --memory-max 64M`,
    `  ${aer} cell start demo hello -c 'cat /sys/fs/cgroup/demo/memory.max >/dev/console'`,
    `  ${aer} cell list`,
    `  ${aer} machine power-off`,
    "",
    "This terminal is its console. Ctrl-A X ends it the hard way.",
    "",
  ].join("\r\n");
}

/** `bun build.ts vm [--port N] [--memory MIB] [--cpus N] [--kvm] [-- WORD...]` */
export async function vmCommand(args: readonly string[]): Promise<void> {
  const options = optionsFrom(args);
  await checkPort(options.port, "bun build.ts vm");
  await ensurePackages(["busybox-static", "qemu-system-x86"]);
  await buildCommand([]);
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  await step("PKI in .aurae/vm/pki", () => ensureLocalPki(PKI, `127.0.0.1:${options.port}`));
  const kernel = ensureKernel(inRoot(".cache"));
  let initrd = "";
  await step("initramfs and site", async () => {
    initrd = writeInitrd(kernel.modulesDir);
  });
  console.log(`\nbooting Linux ${kernel.version} with auraed as its init\n`);
  const argv = qemuArguments(options, kernel.image, initrd);
  process.exitCode = await runInForeground(argv, async (ended) => {
    if (await waitUntilServing(options.port, PKI, READY_LIMIT_MS, ended)) {
      console.log(examples(options.port));
    } else if (!ended.aborted) {
      console.error(`the machine does not answer on 127.0.0.1:${options.port}`);
    }
  });
}
