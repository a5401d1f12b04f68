/**
 * Loads the kernel modules that the image carries: /lib/modules/VERSION/modules.load names their files, one a line, in an
 * order in which they load. One that does not load costs its own function only.
 */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join, normalize } from "node:path";
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { isModuleLive, loadModule } from "../kernel/module/module.ts";
import { moduleName } from "../kernel/module/module-name.ts";
import type { BootStep } from "./steps.ts";

const MAX_MODULES = 512;

/** The files that a text of modules.load names; those that lead out of their folder are left out. */
export function moduleFilesIn(list: string): string[] {
  const lines = list.split("\n").map((line) => line.trim());
  const files = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return files.filter((file) => !normalize(file).startsWith("..")).slice(0, MAX_MODULES);
}

/**
 * Not what is there already, as what /init has loaded meanwhile: the kernel would read the file and check its signature
 * before it said so.
 * @param home the folder of all modules
 * @throws {SyscallError}
 */
export function loadUnlessLive(home: string, file: string): void {
  if (!isModuleLive(moduleName(file))) {
    loadModule(join(home, file));
  }
}

export const MODULE_STEPS: readonly BootStep<unknown>[] = [
  {
    name: "load kernel modules",
    onFailure: "warn",
    run: () => {
      const home = join("/lib/modules", release());
      const list = join(home, "modules.load");
      if (!existsSync(list)) {
        return undefined; // an image for a kernel that has all built in, or another system's root
      }
      for (const file of moduleFilesIn(readFileSync(list, "utf8"))) {
        try {
          loadUnlessLive(home, file);
        } catch (error) {
          log.warn("a kernel module does not load", { module: file, error: messageOf(error) });
        }
      }
      return undefined;
    },
  },
];
