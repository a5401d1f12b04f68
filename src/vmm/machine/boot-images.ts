/** The kernel, the initrds and the command line of a configuration, as the loader takes them. */
import { Image } from "../boot/image.ts";
import type { GuestImages } from "../boot/load-guest.ts";
import type { KernelBoot } from "../protocol/machine-config.ts";

/** @throws {BootError} on what is no regular file */
export function bootImages({ kernelFd, initrdFds, commandLine }: KernelBoot): GuestImages {
  const kernel = Image.ofFile("kernel", kernelFd);
  const parts = initrdFds.map((fd, at) =>
    Image.ofFile(initrdFds.length === 1 ? "initrd" : `initrd ${at + 1}`, fd),
  );
  return {
    kernel,
    commandLine,
    ...(parts.length === 0 ? {} : { initrd: Image.joined("initrd", parts) }),
  };
}
