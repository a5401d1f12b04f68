/**
 * What a kernel file is, by its content; its name says nothing. What is no kernel that we can boot gets an error that
 * says what it is instead.
 */
import { BootError } from "./boot-error.ts";
import type { Image } from "./image.ts";

export type KernelFormat = "elf" | "bzImage";

/** Enough for every magic number below. */
const HEAD_BYTES = 0x210;

interface Magic {
  readonly offset: number;
  readonly bytes: readonly number[];
}

interface Foreign extends Magic {
  readonly what: string;
}

function magic(offset: number, bytes: string | readonly number[]): Magic {
  return {
    offset,
    bytes: typeof bytes === "string" ? [...bytes].map((char) => char.charCodeAt(0)) : bytes,
  };
}

const ELF = magic(0, "\x7fELF");
/** Both are checked, since two bytes are easily met by chance (boot.rst: boot_flag, header). */
const BZIMAGE = [magic(0x1fe, [0x55, 0xaa]), magic(0x202, "HdrS")];

const UNPACK = "; give the kernel inside of it, unpacked";

/** In order: the first that fits names the file. */
const FOREIGN: readonly Foreign[] = [
  { ...magic(0x38, "ARM\x64"), what: "a kernel for arm64, and this machine is x86-64" },
  { ...magic(0x38, "RISCV"), what: "a kernel for RISC-V, and this machine is x86-64" },
  { ...magic(0x38, "RSC\x05"), what: "a kernel for RISC-V, and this machine is x86-64" },
  { ...magic(4, "zimg"), what: `a compressed EFI image${UNPACK}` },
  {
    ...magic(0, "MZ"),
    what: "a program for EFI or Windows without a Linux boot header; give the kernel itself, such as the vmlinuz of a distribution",
  },
  { ...magic(0, [0x1f, 0x8b]), what: `compressed with gzip${UNPACK}` },
  { ...magic(0, "\xfd7zXZ\0"), what: `compressed with xz${UNPACK}` },
  { ...magic(0, "BZh"), what: `compressed with bzip2${UNPACK}` },
  { ...magic(0, [0x28, 0xb5, 0x2f, 0xfd]), what: `compressed with zstd${UNPACK}` },
  { ...magic(0, [0x04, 0x22, 0x4d, 0x18]), what: `compressed with lz4${UNPACK}` },
  { ...magic(0, [0x02, 0x21, 0x4c, 0x18]), what: `compressed with lz4${UNPACK}` },
  { ...magic(0, "070701"), what: "a cpio archive, such as an initrd" },
  { ...magic(0, "QFI\xfb"), what: "a qcow2 disk image" },
  { ...magic(0, "!<arch>\n"), what: "an archive, such as a Debian package" },
  { ...magic(0, "#!"), what: "a script" },
  {
    ...magic(0x1fe, [0x55, 0xaa]),
    what: "a disk image or a boot sector without a Linux boot header",
  },
];

function has(head: DataView, { offset, bytes }: Magic): boolean {
  return (
    offset + bytes.length <= head.byteLength &&
    bytes.every((byte, index) => head.getUint8(offset + index) === byte)
  );
}

/** @throws {BootError} if it is neither; it says what it is, where that is known */
export function kernelFormatOf(image: Image): KernelFormat {
  if (image.bytes === 0) {
    throw new BootError(`boot "${image.name}": the file is empty`);
  }
  const head = image.slice(0, Math.min(HEAD_BYTES, image.bytes), "head");
  if (has(head, ELF)) {
    return "elf";
  }
  if (BZIMAGE.every((part) => has(head, part))) {
    return "bzImage";
  }
  const foreign = FOREIGN.find((entry) => has(head, entry));
  const what = foreign?.what ?? "neither an ELF file (vmlinux) nor a bzImage (vmlinuz)";
  throw new BootError(`boot "${image.name}": it is no kernel for this machine: it is ${what}`);
}
