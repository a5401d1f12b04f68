/**
 * What the initramfs holds, as data. Everything that is the same on all machines; what is one machine's own comes in
 * a second archive (build/site.ts). Paths are relative to the root.
 */

/** Directories and their modes. Where the kernel's own file systems go, they are mount points. */
export const DIRECTORIES: Readonly<Record<string, number>> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  "etc/aurae": 0o755,
  lib: 0o755,
  mnt: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  usr: 0o755,
  var: 0o755,
  "var/lib": 0o755,
  "var/lib/aurae": 0o755,
  "var/log": 0o755,
  "var/tmp": 0o1777,
};

/** Links and what they point to. All programs are in /bin, so that "#!/usr/bin/env" and PATH habits work. */
export const SYMLINKS: Readonly<Record<string, string>> = {
  "bin/aer": "auraed",
  "bin/auraescript": "auraed",
  sbin: "bin",
  "usr/bin": "../bin",
  "usr/sbin": "../bin",
  "var/run": "../run",
};

/** Small texts that programs of the image look for. */
export const TEXTS: Readonly<Record<string, string>> = {
  "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
  "etc/nsswitch.conf": "hosts: files dns\n",
  "etc/os-release": 'ID=auraed\nNAME="auraed"\nPRETTY_NAME="auraed"\n',
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
};

/**
 * The commands of executables are run by "sh -c", so the image needs a shell and the few programs that every small
 * command uses: busybox, statically linked, from Debian's package busybox-static. reboot, poweroff and halt are not
 * among them: they send signals that mean other things to our init.
 */
export const BUSYBOX = { source: "/bin/busybox", path: "bin/busybox" } as const;
export const APPLETS = [
  "awk", "base64", "basename", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "df", "dirname", "dmesg", "du",
  "echo", "env", "expr", "false", "find", "free", "grep", "head", "hostname", "id", "ifconfig", "ip", "kill",
  "killall", "ln", "ls", "lsmod", "mkdir", "mkfifo", "mknod", "mktemp", "mount", "mv", "nc", "nproc", "nslookup", "od",
  "pidof", "ping", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "setsid", "sh", "sleep",
  "sort", "stat", "stty", "sync", "tail", "tar", "tee", "test", "time", "timeout", "top", "touch", "tr", "true", "tty",
  "umount", "uname", "uniq", "unshare", "uptime", "vi", "wc", "wget", "which", "whoami", "xargs", "yes",
] as const; // prettier-ignore

/**
 * Modules loaded at boot, in this order, with all they depend on: what is behind virtio on any machine, and the power
 * button with its events. What the kernel has built in is left out by itself. The console comes as early as it can, since
 * /init may have to wait for it (ffi/preload_modules.h).
 */
export const MODULES = [
  "virtio_mmio",
  "virtio_pci",
  "virtio_console",
  "virtio_net",
  "virtio_blk",
  "virtio_rng",
  "vmw_vsock_virtio_transport",
  "virtio_balloon",
  "button",
  "evdev",
] as const;

/** Modules by the file system that needs them, loaded when a drive of it is mounted (src/init/drive-steps.ts). */
export const FILE_SYSTEMS: Readonly<Record<string, readonly string[]>> = {
  ext4: ["ext4"],
  iso9660: ["isofs"],
  squashfs: ["squashfs"],
  vfat: ["vfat", "nls_cp437", "nls_ascii"],
  xfs: ["xfs"],
};
