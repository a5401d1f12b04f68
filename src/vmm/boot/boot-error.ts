/** What is wrong with a kernel, an initrd or a command line. The message is for who gave it. */

export class BootError extends Error {
  override readonly name = "BootError";
}
