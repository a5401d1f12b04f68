/**
 * By which name the machine's own script is known, and that nobody else gets: the script of a machine counts as run by its
 * name. In a file of its own, since it is wanted where the script (boot-script.ts) may never be.
 */
import { executableName } from "../domain/executables/executable-name.ts";

export const BOOT_SCRIPT = "/etc/aurae/boot.ts";
/** By which List and `aer cell logs --no-cell` know it. */
export const BOOT_NAME = executableName("boot.ts");

/** What only the daemon starts where it is a machine's init. */
export const RESERVED = new Map([[BOOT_NAME, "the machine's own script"]]);
