/**
 * Puts the daemon together: the one place that knows every part. Start-up is a chain; a step that fails undoes those
 * before it, and its error is one line that says what to do.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPolicy } from "../authz/grants.ts";
import { createIdentify } from "../authz/identity.ts";
import { Policy } from "../authz/policy.ts";
import { AuraeError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { Cells } from "../domain/cells/cells.ts";
import { EventLog } from "../domain/events/event-log.ts";
import { OutputStore } from "../domain/output/output-store.ts";
import { StoredOutputs } from "../domain/output/stored-outputs.ts";
import { CgroupFs } from "../kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../kernel/cgroup/mount-point.ts";
import type { VmAuthority } from "../guest/vm-authority.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { localCid } from "../kernel/net/vsock.ts";
import { peerUid } from "../kernel/net/peer-credentials.ts";
import { KernelNamespaces } from "../kernel/namespace/kernel-namespaces.ts";
import { FileAccounts } from "../kernel/process/file-accounts.ts";
import { takePrecedence } from "../kernel/process/precedence.ts";
import { NotifySockets } from "../kernel/process/notify-sockets.ts";
import { KernelProcesses } from "../kernel/process/kernel-processes.ts";
import type { MachineControl } from "../service/machine/handler.ts";
import { Server } from "../transport/server.ts";
import { type DaemonConfig, listenAddresses } from "./config.ts";
import type { Api } from "./api.ts";
import { RESERVED } from "./boot-name.ts";
import { ensureDirectory } from "./directories.ts";
import { LazyVms } from "./lazy-vms.ts";
import { deriveRole, ROLE_GREETINGS, type Role } from "./role.ts";
import { StateDatabase } from "./state-database.ts";
import { loadTlsFiles, type TlsFiles } from "./tls-files.ts";
import { VERSION } from "./version.ts";

/** How long requests in flight may take to finish at shutdown. */
const DRAIN_MS = 2_000;

/** How long executables have between SIGTERM and SIGKILL at shutdown, and guests after their power button. */
const SHUTDOWN_GRACE_MS = 5_000;

/** The environment that executables start with; what the daemon itself was started with is none of theirs. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Host {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The machine, where the daemon is its init. */
export interface OwnMachine {
  readonly control: MachineControl;
  /** Has orphans reaped from now on; told which children the daemon waits for itself. */
  reapOrphans(isOwnChild: (pid: number) => boolean): void;
}

function readSelfCgroup(): string | undefined {
  try {
    return readFileSync("/proc/self/cgroup", "utf8");
  } catch {
    return undefined; // ENOENT: no /proc yet
  }
}

/** @throws {AuraeError} for `--nested`, which comes with instances */
export function roleOf(config: DaemonConfig, host: Host): Role {
  const role = deriveRole({
    nested: config.nested,
    isInit: host.pid === 1 || config.pid1,
    selfCgroup: readSelfCgroup(),
  });
  if (role === "cell") {
    throw new AuraeError("unimplemented", "--nested: nested daemons are not implemented yet");
  }
  return role;
}

/** Loaded only where there is one. @throws {AuraeError} failed_precondition naming the file that is wrong */
async function loadVmCa(
  { vmCa }: DaemonConfig,
  { trustDomain, caPem }: TlsFiles,
): Promise<VmAuthority | undefined> {
  if (vmCa === undefined) {
    return undefined;
  }
  const { loadVmAuthority } = await import("../guest/vm-authority.ts");
  return loadVmAuthority(vmCa, { trustDomain, clientCaPem: caPem });
}

export class Daemon {
  readonly #cells: Cells;
  readonly #vms: LazyVms;
  readonly #server: Server;
  readonly #api: () => Api | undefined;
  readonly #resources: DisposableStack;
  #stopping: Promise<void> | undefined;

  private constructor(parts: {
    cells: Cells;
    vms: LazyVms;
    server: Server;
    api: () => Api | undefined;
    resources: DisposableStack;
  }) {
    this.#cells = parts.cells;
    this.#vms = parts.vms;
    this.#server = parts.server;
    this.#api = parts.api;
    this.#resources = parts.resources;
  }

  /**
   * @param machine what PowerOff and Reboot act on; undefined where auraed is not the machine's init
   * @throws {AuraeError | UnsupportedError} with a message for people
   */
  static async start(
    config: DaemonConfig,
    role: Role,
    host: Host,
    machine: OwnMachine | undefined,
  ): Promise<Daemon> {
    log.info(ROLE_GREETINGS[role], { version: VERSION });
    takePrecedence();
    const tls = loadTlsFiles(config);
    const vmAuthority = await loadVmCa(config, tls);
    for (const warning of [...tls.warnings, ...(vmAuthority?.warnings ?? [])]) {
      log.warn(warning);
    }
    ensureDirectory(config.runtimeDir, "--runtime-dir");
    ensureDirectory(config.libraryDir, "--library-dir", 0o700);
    using resources = new DisposableStack();
    const processes = resources.use(new KernelProcesses({ makesPipesAhead: true }));
    machine?.reapOrphans((pid) => processes.owns(pid));
    const notifications = resources.use(
      new NotifySockets(join(config.runtimeDir, "notify"), processes.poll),
    );
    const kernel: Kernel = {
      cgroups: new CgroupFs(findCgroup2()),
      processes,
      namespaces: resources.use(new KernelNamespaces(processes.watcher)),
      accounts: new FileAccounts(),
      notifications,
    };
    const state = resources.use(StateDatabase.open(config.libraryDir));
    const outputs = new OutputStore({ root: join(config.libraryDir, "output") });
    const stored = new StoredOutputs(outputs);
    const saved = state.load();
    const cells = new Cells({
      kernel,
      state,
      outputs: stored,
      events: new EventLog({
        last: saved.lastEvent,
        reserve: (upTo) => state.reserveEvents(upTo),
      }),
      env: { PATH: host.env.PATH ?? DEFAULT_PATH },
      ...(machine === undefined ? {} : { reserved: RESERVED }),
    });
    const { runtimeDir, libraryDir } = config;
    const vms = new LazyVms({
      ...{ state, outputs: stored, runtimeDir, libraryDir, vmAuthority },
      ...{ cgroups: kernel.cgroups, accounts: kernel.accounts, processes },
    });
    const policy = new Policy({
      trustDomain: tls.trustDomain,
      grants: loadPolicy(config.policy.path, config.policy),
    });
    const isInit = role === "pid1";
    const isGuest = isInit && localCid() !== undefined;
    const server = await Server.listen({
      listeners: listenAddresses(config, isInit, isGuest),
      tls,
      identify: createIdentify(peerUid),
    });
    try {
      let api: Api | undefined;
      // What can be taken up again at once is there before the first request.
      const restored = Promise.all([cells.restore(saved), vms.takeUp()]);
      // Loaded for the first peer: it takes longer than all of the above, and a quarter of the memory.
      server.serveWhenAsked(async () => {
        const { createApi } = await import("./api.ts");
        api = createApi({
          version: VERSION,
          policy,
          machine: machine?.control,
          cells,
          vms: () => vms.get(),
          outputs,
        });
        return api.answer;
      });
      await restored;
      notifications.removeStale();
      outputs.prune();
      if (isGuest) {
        const { linkToHost } = await import("./host-link.ts");
        resources.use(linkToHost({ poll: processes.poll, tls: config, server }));
      }
      if (machine !== undefined) {
        const { bootFiles, startBootScript } = await import("./boot-script.ts");
        startBootScript({
          ...{ cells, addresses: server.addresses, executable: process.execPath },
          files: bootFiles(config.caCrt),
        });
      }
      return new Daemon({ cells, vms, server, api: () => api, resources: resources.move() });
    } catch (error) {
      await server.close(0);
      throw error;
    }
  }

  /** Stops taking requests, ends all that runs, and lets go of everything. Called again, it waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    log.info("shutting down");
    this.#api()?.close();
    await this.#server.close(DRAIN_MS);
    await Promise.all([
      this.#cells.freeAll(SHUTDOWN_GRACE_MS),
      this.#vms.freeAll(SHUTDOWN_GRACE_MS),
    ]);
    this.#resources.dispose();
    log.info("shut down");
  }
}
