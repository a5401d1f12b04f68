/**
 * Who uses which image: a file system that two machines write to is lost, and a guest that reads what another one writes
 * sees garbage. Links are followed; what else may be the same file, such as a mount of it, is not seen.
 */
import { realpathSync } from "node:fs";
import type { VmDrive } from "./vm-spec.ts";

interface UsedDrive extends Pick<VmDrive, "path" | "isReadOnly"> {
  /** Where the path leads to. */
  readonly real: string;
}

export class DriveUse {
  /** By the machine. */
  readonly #used = new Map<string, readonly UsedDrive[]>();

  /**
   * Takes the drives of a machine, unless another one stands against it.
   * @returns what stands against it
   */
  take(
    id: string,
    drives: readonly VmDrive[],
  ): { readonly path: string; readonly by: string } | undefined {
    const wanted = drives.map(({ path, isReadOnly }) => ({ path, real: realOf(path), isReadOnly }));
    for (const [by, used] of this.#used) {
      const clash = wanted.find(({ real, isReadOnly }) =>
        used.some((it) => it.real === real && !(it.isReadOnly && isReadOnly)),
      );
      if (by !== id && clash !== undefined) {
        return { path: clash.path, by };
      }
    }
    this.#used.set(id, wanted);
    return undefined;
  }

  release(id: string): void {
    this.#used.delete(id);
  }
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // ENOENT and the like: who opens it says so
  }
}
