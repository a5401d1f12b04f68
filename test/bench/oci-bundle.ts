/** A bundle for OCI runtimes: a root file system with one static program, and the namespaces that a cell has. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUSYBOX } from "../../initramfs/manifest.ts";

const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
];

/** @returns the path of the program on the host */
export function writeBundle(directory: string): string {
  const bin = join(directory, "rootfs/bin");
  mkdirSync(bin, { recursive: true });
  for (const folder of ["proc", "dev", "sys"]) {
    mkdirSync(join(directory, "rootfs", folder));
  }
  copyFileSync(BUSYBOX.source, join(bin, "busybox"));
  symlinkSync("busybox", join(bin, "true"));
  const config = {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/bin/true"],
      env: ["PATH=/bin"],
      cwd: "/",
    },
    root: { path: "rootfs", readonly: true },
    hostname: "bench",
    mounts: MOUNTS,
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
    },
  };
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  return join(bin, "true");
}
