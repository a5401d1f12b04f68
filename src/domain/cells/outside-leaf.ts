/** The control group of executables that are in no cell: made with the first of them, removed at the daemon's end. */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { ExecutableName } from "../executables/executable-name.ts";
import { leafOf } from "./cell.ts";

/** @param name of the executable that needs it, for the message @throws {AuraeError} internal */
export function makeOutsideLeaf({ cgroups }: Kernel, name: ExecutableName): void {
  const leaf = leafOf(undefined);
  try {
    if (!cgroups.exists(leaf)) {
      cgroups.create(leaf);
    }
  } catch (error) {
    throw new AuraeError("internal", `executable '${name}' failed to start: ${messageOf(error)}`, {
      resource: name,
      cause: error,
    });
  }
}

/** What an earlier daemon left in it, or one beside this has in it, is not ours to remove. */
export function removeOutsideLeaf({ cgroups }: Kernel): void {
  try {
    cgroups.remove(leafOf(undefined));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EBUSY", "ENOTEMPTY")) {
      log.error("could not remove a control group at shutdown", { cause: messageOf(error) });
    }
  }
}
