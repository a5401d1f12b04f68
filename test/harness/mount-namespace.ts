/**
 * Mounts of a test's own: it does not see what others mount meanwhile, and they nothing of its. Where further namespaces
 * are made from there, mounts are propagated between them, as they are on a host where systemd is the init.
 */
import { MS_PRIVATE, MS_REC, MS_SHARED } from "../../src/kernel/abi/mount.ts";
import { cString, syscall } from "../../src/kernel/sys/syscall.ts";
import { ThreadNamespace } from "./thread-namespace.ts";

export class MountNamespace extends ThreadNamespace {
  /** @throws {Error} without CAP_SYS_ADMIN */
  constructor() {
    super("mnt");
    for (const propagation of [MS_PRIVATE, MS_SHARED]) {
      syscall("mount", "/", null, cString("/"), null, MS_REC | propagation, null);
    }
  }
}
