/**
 * All that there is of a BIOS: its reset vector. On hardware-reduced ACPI, Linux restarts by EFI, and where there is no
 * EFI, by a jump to f000:fff0 in real mode (arch/x86/kernel/reboot.c, BOOT_EFI and BOOT_BIOS); it never comes to the
 * reset register of the FADT. What it finds there writes to that register.
 */
import { RESET_OFFSET, RESET_VALUE } from "../acpi/fadt.ts";
import { ACPI_POWER_PORTS } from "../memory-map.ts";

const PORT = ACPI_POWER_PORTS.port + RESET_OFFSET;

/** 16-bit code, of which there are 16 bytes up to the end of the first MiB. */
export const RESET_CODE: Uint8Array = new Uint8Array([
  0xba, // mov $PORT, %dx
  PORT & 0xff,
  PORT >> 8,
  0xb0, // mov $RESET_VALUE, %al
  RESET_VALUE,
  0xee, // out %al, (%dx)
  0xf4, // hlt
  0xeb, // jmp to the hlt
  0xfd,
]);
