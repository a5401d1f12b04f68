/** Names of kernel modules, as the kernel writes them: with underscores. */
import { basename } from "node:path";

/** What a module's file ends with, packed or not. */
export const MODULE_SUFFIX = /\.ko(\.(gz|xz|zst))?$/;

export function canonicalModuleName(name: string): string {
  return name.replaceAll("-", "_");
}

/** The name of the module in a file: `virtio_net` for `kernel/drivers/net/virtio-net.ko.xz`. */
export function moduleName(path: string): string {
  return canonicalModuleName(basename(path).replace(MODULE_SUFFIX, ""));
}
