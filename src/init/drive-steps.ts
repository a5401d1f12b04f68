/**
 * The machine's further drives, mounted where the site says (`/etc/aurae/mounts.json`). What is wrong with one is a line
 * of the log, and so on the console, and costs that drive alone.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { type DriveMount, MOUNTS_FILE, parseMounts } from "../base/machine-files.ts";
import { MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME } from "../kernel/abi/mount.ts";
import { readFileSystemType } from "../kernel/mount/file-system-type.ts";
import { mount, mountPoints, unmount } from "../kernel/mount/mount.ts";
import { loadUnlessLive, moduleFilesIn } from "./module-steps.ts";
import type { BootStep } from "./steps.ts";

/** The names in a text of /proc/filesystems, one a line, some after `nodev`. */
export function knownFileSystems(text: string): Set<string> {
  return new Set(text.split("\n").map((line) => line.split("\t").at(-1) ?? ""));
}

/** Loads what the kernel needs for a file system, if it is in the image (build/initramfs.ts). */
function loadFileSystem(type: string): void {
  const home = join("/lib/modules", release());
  const list = join(home, "filesystems", `${type}.load`);
  if (knownFileSystems(readFileSync("/proc/filesystems", "utf8")).has(type) || !existsSync(list)) {
    return;
  }
  for (const file of moduleFilesIn(readFileSync(list, "utf8"))) {
    loadUnlessLive(home, file);
  }
}

function mountDrive({ device, path, fsType, readOnly }: DriveMount): void {
  if (!existsSync(device)) {
    throw new Error(`there is no device "${device}"`);
  }
  const type = fsType ?? readFileSystemType(device);
  if (type === undefined) {
    throw new Error(`"${device}" has no file system that is known here; name it as fsType`);
  }
  loadFileSystem(type);
  mkdirSync(path, { recursive: true });
  const flags = MS_NODEV | MS_NOSUID | MS_RELATIME | (readOnly === true ? MS_RDONLY : 0);
  mount({ type, target: path, source: device, flags });
}

/** What is mounted in another drive comes after that. */
const depthOf = (entry: DriveMount | AuraeError): number =>
  entry instanceof AuraeError ? 0 : entry.path.split("/").length;

/** Mounts what can be mounted. @returns the places, those that were mounted last first */
function mountAll(text: string): string[] {
  const mounted: string[] = [];
  for (const entry of parseMounts(text).toSorted((a, b) => depthOf(a) - depthOf(b))) {
    if (entry instanceof AuraeError) {
      log.warn("boot goes on without a drive", { error: entry.message });
      continue;
    }
    try {
      // A daemon before this one had it mounted; the machine's end is for whoever comes last.
      if (!mountPoints().has(entry.path)) {
        mountDrive(entry);
        log.info("mounted a drive", { device: entry.device, path: entry.path });
      }
      mounted.unshift(entry.path);
    } catch (error) {
      const { device, path } = entry;
      log.warn("boot goes on without a drive", { device, path, error: messageOf(error) });
    }
  }
  return mounted;
}

function unmountAll(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      unmount(path);
    } catch (error) {
      log.warn("a drive stays mounted", { path, error: messageOf(error) });
    }
  }
}

export const DRIVE_STEPS: readonly BootStep<unknown>[] = [
  {
    name: `mount the drives of ${MOUNTS_FILE}`,
    onFailure: "warn",
    run: () => {
      const mounted = existsSync(MOUNTS_FILE) ? mountAll(readFileSync(MOUNTS_FILE, "utf8")) : [];
      return mounted.length === 0 ? undefined : () => unmountAll(mounted);
    },
  },
];
