/** The kernel, the initrds and the command line of a configuration, as the loader takes them. */
import { Image, type ReadLater } from "../boot/image.ts";
import type { GuestImages } from "../boot/load-guest.ts";
import type { KernelBoot } from "../protocol/machine-config.ts";

/** @param later reads what goes into the guest's memory @throws {BootError} on what is no regular file */
export function bootImages(
  { kernelFd, initrdFds, commandLine, names }: KernelBoot,
  later: ReadLater,
): GuestImages {
  const kernel = Image.ofFile(names?.kernel ?? "kernel", kernelFd, later);
  const nameOf = (at: number): string =>
    names?.initrds[at] ?? (initrdFds.length === 1 ? "initrd" : `initrd ${at + 1}`);
  const parts = initrdFds.map((fd, at) => Image.ofFile(nameOf(at), fd, later));
  const all = parts.map(({ name }) => name).join('", "');
  return {
    kernel,
    commandLine,
    ...(parts.length === 0 ? {} : { initrd: Image.joined(all, parts) }),
  };
}
