/**
 * A further process in a cell, for as long as somebody is connected to it: no output is kept of it, and it ends with
 * its caller.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { SIGHUP } from "../../kernel/abi/signal.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { LaunchError } from "../../kernel/process/launcher.ts";
import type { ManagedProcess, TerminalSize } from "../../kernel/process/processes.ts";
import type { Privileges } from "../executables/executable-spec.ts";
import { credentialsFrom, programPaths } from "../executables/launch.ts";
import { endGroup } from "../executables/life.ts";
import { drainedSoon } from "../executables/output-drain.ts";
import type { Cell } from "./cell.ts";
import { requireThawed } from "./freeze.ts";

/** How long it has between SIGHUP and SIGKILL once its caller is gone. */
const HANGUP_GRACE_MS = 1_000;

export interface ExecSpec {
  readonly args: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly privileges: Privileges;
  readonly terminal: TerminalSize | undefined;
}

/** A process, and its end. */
export interface ExecSession {
  readonly process: ManagedProcess;
  /** Waits for the end of the output; a little, where others hold it open. */
  drained(output: Promise<unknown>): Promise<void>;
  /** Ends what is left of it. Never rejects. */
  close(): Promise<void>;
}

let serial = 0;

/** @throws {AuraeError} invalid_argument, failed_precondition for a frozen cell, internal naming the step that failed */
export function exec(
  kernel: Kernel,
  cell: Cell,
  spec: ExecSpec,
  env: Readonly<Record<string, string>>,
): ExecSession {
  requireThawed(kernel, cell.name);
  const all: Record<string, string> = {
    ...(spec.terminal === undefined ? {} : { TERM: "xterm-256color" }),
    ...env,
    ...spec.env,
  };
  const credentials = credentialsFrom(spec.privileges, kernel.accounts, "start.");
  serial += 1;
  const cgroup = `${cell.leaf}/exec.${process.pid}.${serial}`;
  using undo = new DisposableStack();
  try {
    kernel.cgroups.create(cgroup);
    undo.defer(() => removeTree(kernel.cgroups, cgroup));
    using directory = kernel.cgroups.open(cgroup);
    const started = kernel.processes.start({
      paths: programPaths(spec.args[0], all.PATH ?? ""),
      argv: spec.args,
      env: all,
      cwd: spec.cwd,
      cgroup: directory,
      namespaces: cell.namespaces,
      stdin: spec.terminal === undefined ? "pipe" : "terminal",
      ...(spec.terminal === undefined ? {} : { terminalSize: spec.terminal }),
      ...credentials,
    });
    undo.move();
    return {
      process: started,
      drained: drainedSoon,
      close: () => close(kernel, cgroup, spec.args[0], started),
    };
  } catch (error) {
    if (error instanceof AuraeError) {
      throw error;
    }
    // What the caller named is not there, or can't be run: that is nobody else's fault.
    const isOfCaller =
      error instanceof LaunchError && (error.step === "exec" || error.step === "chdir");
    const kind = isOfCaller ? "failed_precondition" : "internal";
    throw new AuraeError(kind, `'${spec.args[0]}' failed to start: ${messageOf(error)}`, {
      resource: `${cell.name}`,
      cause: error,
    });
  }
}

async function close(
  kernel: Kernel,
  cgroup: string,
  name: string,
  process: ManagedProcess,
): Promise<void> {
  try {
    process.signalGroup(SIGHUP);
    const timeout = AbortSignal.timeout(HANGUP_GRACE_MS);
    await kernel.cgroups.emptied(cgroup, timeout).catch((error: unknown) => {
      if (!timeout.aborted) {
        throw error;
      }
    });
    await endGroup(kernel, name, cgroup);
    await Promise.all([process.stdout.close(), process.stderr.close()]);
    removeTree(kernel.cgroups, cgroup);
  } catch (error) {
    log.error("could not end what a caller had started", { cgroup, cause: messageOf(error) });
  }
}
