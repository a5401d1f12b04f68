/** Mounts of a test's own, which does not see what others mount meanwhile, and they nothing of its. */
import { MS_PRIVATE, MS_REC } from "../../src/kernel/abi/mount.ts";
import { cString, syscall } from "../../src/kernel/sys/syscall.ts";
import { ThreadNamespace } from "./thread-namespace.ts";

export class MountNamespace extends ThreadNamespace {
  /** @throws {Error} without CAP_SYS_ADMIN */
  constructor() {
    super("mnt");
    syscall("mount", "/", null, cString("/"), null, MS_REC | MS_PRIVATE, null);
  }
}
