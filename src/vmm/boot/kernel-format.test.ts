import { describe, expect, test } from "bun:test";
import { bzImage, elfFile } from "../../../test/harness/boot-images.ts";
import { Image } from "./image.ts";
import { kernelFormatOf } from "./kernel-format.ts";

function formatOf(bytes: Uint8Array): string {
  return kernelFormatOf(Image.ofBytes("k", bytes));
}

function withBytes(offset: number, text: string, length = 0x300): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(Buffer.from(text, "latin1"), offset);
  return bytes;
}

describe("kernelFormatOf", () => {
  test("tells an ELF file and a bzImage by their content", () => {
    expect(formatOf(elfFile(0, []))).toBe("elf");
    expect(formatOf(bzImage(new Uint8Array(1024)))).toBe("bzImage");
  });

  test("takes a bzImage that is an EFI program, too, as those of distributions are", () => {
    const image = bzImage(new Uint8Array(1024));
    image.set([0x4d, 0x5a]);
    expect(formatOf(image)).toBe("bzImage");
  });

  test.each([
    ["an empty file", new Uint8Array(0), "the file is empty"],
    ["text", Buffer.from("hello"), "neither an ELF file (vmlinux) nor a bzImage"],
    ["zeros", new Uint8Array(4096), "neither an ELF file (vmlinux) nor a bzImage"],
    ["a script", withBytes(0, "#!/bin/sh\n"), "it is a script"],
    ["gzip", withBytes(0, "\x1f\x8b\x08"), "compressed with gzip; give the kernel inside"],
    ["xz", withBytes(0, "\xfd7zXZ\0"), "compressed with xz"],
    ["zstd", withBytes(0, "\x28\xb5\x2f\xfd"), "compressed with zstd"],
    ["an initrd", withBytes(0, "070701"), "a cpio archive, such as an initrd"],
    ["a kernel for arm64", withBytes(0x38, "ARMd"), "a kernel for arm64"],
    ["an EFI program", withBytes(0, "MZ"), "without a Linux boot header"],
    ["a compressed EFI image", withBytes(0, "MZ\0\0zimg"), "a compressed EFI image"],
    ["a disk image", withBytes(0x1fe, "\x55\xaa"), "a disk image"],
    ["a disk image of QEMU's", withBytes(0, "QFI\xfb"), "a qcow2 disk image"],
    ["a magic number that is cut", Buffer.from("\x7fEL"), "neither"],
  ])("refuses %s, and says what it is", (_, bytes, message) => {
    expect(() => formatOf(bytes)).toThrow(message);
  });
});
