/**
 * Makes, chooses and removes named contexts (contexts.ts). Nothing that is there is overwritten or removed unless that
 * was asked for; each file is there whole or not at all.
 */
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { clientConfigToml } from "../base/client-config.ts";
import { AuraeError } from "../base/errors.ts";
import { addressText } from "./address.ts";
import type { ClientConfig } from "./config.ts";
import {
  contextNames,
  contextPath,
  currentContext,
  currentContextPath,
  DEFAULT_CONTEXT,
  unknownContext,
} from "./contexts.ts";

/** Nobody else's business: which machines there are, and where the keys are. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * Keeps a configuration under a name. Its paths become absolute.
 *
 * @param replace whether one of that name may go
 * @returns the file
 * @throws AuraeError `already_exists`, `invalid_argument`
 */
export function addContext(
  home: string | undefined,
  name: string,
  config: ClientConfig,
  replace: boolean,
): string {
  refuseDefault(name);
  const path = contextPath(home, name);
  const { paths, address, serverName } = config;
  const socket = addressText(
    address.kind === "tcp" ? address : { ...address, path: resolve(address.path) },
  );
  const text = clientConfigToml({
    caCrt: resolve(paths.caCrt),
    clientCrt: resolve(paths.clientCrt),
    clientKey: resolve(paths.clientKey),
    serverName,
    socket,
  });
  writeWhole(path, text, replace, () => {
    throw new AuraeError(
      "already_exists",
      `context "${name}" exists already, in "${path}"; give --force to replace it`,
      { resource: name },
    );
  });
  return path;
}

/** Makes a context the one in use; `default`: none. @throws AuraeError */
export function useContext(home: string | undefined, name: string): void {
  const path = currentContextPath(home);
  if (name === DEFAULT_CONTEXT) {
    rmSync(path, { force: true });
    return;
  }
  requireContext(home, name);
  writeWhole(path, `${name}\n`, true);
}

/** @param force whether it may be the one in use @returns the file that is gone @throws AuraeError */
export function removeContext(home: string | undefined, name: string, force: boolean): string {
  refuseDefault(name);
  requireContext(home, name);
  const path = contextPath(home, name);
  if (nameInUse(home) === name) {
    if (!force) {
      throw new AuraeError(
        "failed_precondition",
        `context "${name}" is in use; choose another with "aer context use", or give --force`,
        { resource: name },
      );
    }
    rmSync(currentContextPath(home), { force: true });
  }
  rmSync(path);
  return path;
}

/** The context in use; none where the file that names it is damaged, which is no reason to keep another one. */
function nameInUse(home: string | undefined): string | undefined {
  try {
    return currentContext(home);
  } catch (error) {
    if (error instanceof AuraeError && error.kind === "failed_precondition") {
      return undefined;
    }
    throw error;
  }
}

function requireContext(home: string | undefined, name: string): void {
  if (!contextNames(home).includes(name)) {
    throw unknownContext(home, { name, by: "asked for" });
  }
}

function refuseDefault(name: string): void {
  if (name === DEFAULT_CONTEXT) {
    throw new AuraeError(
      "invalid_argument",
      `context "${name}" stands for the configuration file that is found without a context; take another name`,
    );
  }
}

/** @param refuse called where the file is there and may not be replaced */
function writeWhole(path: string, text: string, replace: boolean, refuse?: () => never): void {
  mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, text, { mode: FILE_MODE, flag: "wx" });
    if (replace) {
      renameSync(fresh, path);
    } else {
      // Unlike rename(2), link(2) fails where there is something.
      linkSync(fresh, path);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && refuse !== undefined) {
      refuse();
    }
    throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
}
