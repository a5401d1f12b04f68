/**
 * The machine's own script, `/etc/aurae/boot.ts`, where auraed is the machine's init: run once a boot when the API is up,
 * as an executable in no cell like any other, so that it has a control group of its own, its output is kept, and it goes on
 * when the daemon is killed. It calls the API with a certificate of its own. Nothing that it does, or fails to do, holds
 * up the machine: whatever is wrong is a line of the log.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { Cells } from "../domain/cells/cells.ts";
import type { Ending } from "../domain/executables/ending.ts";
import type { Executable } from "../domain/executables/executable.ts";
import { executableSpec } from "../domain/executables/executable-spec.ts";
import { type Address, printedAddress } from "../transport/address.ts";
import { BOOT_NAME, BOOT_SCRIPT } from "./boot-name.ts";
import { ConsoleRelay } from "./console-relay.ts";

const HOW_TO_READ = `aer cell logs --no-cell ${BOOT_NAME}`;

export interface BootFiles {
  readonly script: string;
  readonly caCrt: string;
  readonly clientCrt: string;
  readonly clientKey: string;
}

export interface BootScriptParts {
  readonly cells: Cells;
  readonly files: BootFiles;
  /** Where the daemon listens; the first one is called. */
  readonly addresses: readonly Address[];
  /** The executable that is `auraescript` by its first argument. */
  readonly executable: string;
}

/** The files of the machine, with the certificates beside the CA's: as `auraed pki` names them (src/pki/layout.ts). */
export function bootFiles(caCrt: string): BootFiles {
  const pki = dirname(caCrt);
  return {
    script: BOOT_SCRIPT,
    caCrt,
    clientCrt: join(pki, "_signed.client.boot.crt"),
    clientKey: join(pki, "client.boot.key"),
  };
}

/** An address by which the machine itself gets at a listener. */
export function addressFromHere(address: Address): string {
  if (address.kind !== "tcp") {
    return address.path;
  }
  const loopback: Readonly<Record<string, string>> = { "::": "::1", "0.0.0.0": "127.0.0.1" };
  return printedAddress({ ...address, host: loopback[address.host] ?? address.host });
}

/**
 * Starts the script, unless it was started since the machine booted; one that an earlier daemon started is listened to
 * again. Never throws, and waits for nothing.
 */
export function startBootScript(parts: BootScriptParts): void {
  const { cells, files } = parts;
  const before = cells.outside.get(BOOT_NAME);
  if (before !== undefined) {
    if (!before.isOver) {
      follow(cells, before);
    }
    return;
  }
  if (!existsSync(files.script)) {
    return;
  }
  const missing = [files.clientCrt, files.clientKey].filter((path) => !existsSync(path));
  if (missing.length > 0) {
    log.warn(
      `${files.script} is not run: it has no certificate. Make one with "auraed pki --client boot" where the CA's key is, and put its two files into the machine's site`,
      { missing: missing.join(",") },
    );
    return;
  }
  start(parts);
}

function start({ cells, files, addresses, executable }: BootScriptParts): void {
  const [address] = addresses;
  if (address === undefined) {
    return;
  }
  const identity = [
    ...["--socket", addressFromHere(address), "--ca-crt", files.caCrt],
    ...["--client-crt", files.clientCrt, "--client-key", files.clientKey],
  ];
  const spec = executableSpec({
    name: BOOT_NAME,
    command: { kind: "args", args: [executable, "auraescript", ...identity, files.script] },
    description: "what this machine does when it boots",
    cwd: dirname(files.script),
    oncePerBoot: true,
  });
  try {
    if (cells.startedOnce.some((it) => it.cell === "" && it.executable === BOOT_NAME)) {
      // It was stopped, and the daemon was started again since.
      log.info(`${files.script} was run since the machine booted`);
      return;
    }
    const started = cells.startOwn(spec);
    log.info(`running ${files.script}`, { pid: started.pid });
    follow(cells, started);
  } catch (error) {
    log.error(`${files.script} could not be run`, { cause: messageOf(error) });
  }
}

/** Writes its output and its end to the log. */
function follow(cells: Cells, executable: Executable): void {
  const relay = new ConsoleRelay(BOOT_NAME);
  const tap = cells.outside.outputOf(BOOT_NAME)?.tap((stream, bytes) => relay.add(stream, bytes));
  void executable.wait().then(async (ending) => {
    const wasStopped = executable.state === "stopping";
    await executable.drained();
    tap?.[Symbol.dispose]();
    relay.end();
    tellEnd(ending, wasStopped);
  });
}

function tellEnd({ status, oomKilled }: Ending, wasStopped: boolean): void {
  if (wasStopped) {
    log.info("the boot script was stopped");
  } else if (status?.kind === "exited" && status.code === 0) {
    log.info("the boot script has ended");
  } else {
    const how =
      status === undefined
        ? "and nobody saw how"
        : status.kind === "exited"
          ? `with exit code ${status.code}`
          : `by signal ${status.signal}${oomKilled ? ", out of memory" : ""}`;
    log.error(`the boot script has failed: it ended ${how}; the machine goes on`, {
      output: HOW_TO_READ,
    });
  }
}
