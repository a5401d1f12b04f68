/** Processes and namespaces of the real kernel, in control groups of their own that are gone at the end. */
import { randomUUID } from "node:crypto";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { removeTree } from "../../src/kernel/cgroup/cgroups.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import type { KernelCellNamespaces } from "../../src/kernel/namespace/kernel-cell-namespaces.ts";
import { KernelNamespaces } from "../../src/kernel/namespace/kernel-namespaces.ts";
import type { NamespaceRequest } from "../../src/kernel/namespace/namespaces.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import type {
  ManagedProcess,
  ProcessEnd,
  StartOptions,
} from "../../src/kernel/process/processes.ts";
import { type ProcessesFixture, textOf } from "../contract/processes-fixture.ts";
import { missingForCgroups } from "../harness/host.ts";

/** Why namespaces of cells can't be made here; undefined where they can. */
export const missingForCells = missingForCgroups();

/** A shell that reads commands from its input, one a line, and does not end with the terminal's first control-D. */
const OBEYING = 'while read -r line; do eval "$line"; done; exec sleep 60';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: ProcessEnd["status"];
}

export class KernelFixture implements ProcessesFixture {
  readonly kernel: {
    readonly cgroups: CgroupFs;
    readonly processes: KernelProcesses;
    readonly namespaces: KernelNamespaces;
  };
  readonly base = `aurae-test-${randomUUID()}`;
  readonly #started: ManagedProcess[] = [];
  readonly #created: KernelCellNamespaces[] = [];

  constructor() {
    const processes = new KernelProcesses();
    const namespaces = new KernelNamespaces(processes.watcher);
    this.kernel = { cgroups: new CgroupFs(findCgroup2()), processes, namespaces };
    for (const path of [this.base, `${this.base}/init`, `${this.base}/work`]) {
      this.kernel.cgroups.create(path);
    }
  }

  create(request: Partial<NamespaceRequest> = {}): KernelCellNamespaces {
    const namespaces = this.begin(request);
    namespaces.settle();
    return namespaces;
  }

  /** The same, and waits for nothing. */
  begin(request: Partial<NamespaceRequest> = {}): KernelCellNamespaces {
    using cgroup = this.kernel.cgroups.open(`${this.base}/init`);
    const namespaces = this.kernel.namespaces.create({
      process: true,
      network: false,
      hostname: "leaf",
      cgroup,
      ...request,
    });
    this.#created.push(namespaces);
    return namespaces;
  }

  /** Starts a program with a shell's command. */
  sh(command: string, options: Partial<StartOptions> = {}): ManagedProcess {
    using cgroup = this.kernel.cgroups.open(`${this.base}/work`);
    const it = this.kernel.processes.start({
      paths: ["/bin/sh"],
      argv: ["sh", "-c", command],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: "/",
      cgroup,
      ...options,
    });
    this.#started.push(it);
    return it;
  }

  async run(command: string, options: Partial<StartOptions> = {}): Promise<Ran> {
    const it = this.sh(command, options);
    const [stdout, stderr, end] = await Promise.all([
      textOf(it.stdout),
      textOf(it.stderr),
      it.exited,
    ]);
    return { stdout, stderr, status: end.status };
  }

  start = (options: Partial<StartOptions> = {}): ManagedProcess =>
    this.sh(OBEYING, { stdin: "pipe", ...options });

  failing = (): Partial<StartOptions> => ({ paths: ["/nope"] });

  async write(it: ManagedProcess, to: "stdout" | "stderr", text: string): Promise<void> {
    const redirection = to === "stdout" ? "" : " >&2";
    await it.stdin?.write(Buffer.from(`printf %s '${text}'${redirection}\n`));
  }

  async exit(it: ManagedProcess, code: number): Promise<void> {
    await it.stdin?.write(Buffer.from(`exit ${code}\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { cgroups, processes, namespaces } = this.kernel;
    cgroups.kill(this.base);
    await cgroups.emptied(this.base);
    for (const { exited, stdout, stderr } of this.#started) {
      await Promise.all([exited, stdout.close(), stderr.close()]);
    }
    await Promise.all(this.#created.map(({ ended }) => ended));
    removeTree(cgroups, this.base);
    processes[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  }
}
