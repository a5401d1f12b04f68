/**
 * FADT, the Fixed ACPI Description Table, of hardware-reduced ACPI (ACPI 6.5 sections 4.1 and 5.2.9): no PM registers,
 * no SCI, no fixed power button. The machine is reset, and sent to sleep, by one register each.
 */
import { ACPI_POWER_PORTS } from "../memory-map.ts";
import { acpiTable, putText, TABLE_HEADER_BYTES } from "./table.ts";

/** Offsets in the table (table 5.9). */
const DSDT = 40;
const CENTURY = 108;
const IAPC_BOOT_ARCH = 109;
const FLAGS = 112;
const RESET_REG = 116;
const RESET_VALUE_AT = 128;
const MINOR_VERSION = 131;
const X_DSDT = 140;
const SLEEP_CONTROL_REG = 244;
const SLEEP_STATUS_REG = 256;
const HYPERVISOR_VENDOR = 268;
const FADT_BYTES = 276;

const MAJOR = 6;
const MINOR = 5;

/** Fixed feature flags (table 5.10). */
const WBINVD = 1 << 0;
/** The power button is no fixed one, but a device of the DSDT. */
const PWR_BUTTON = 1 << 4;
/** There is none. */
const SLP_BUTTON = 1 << 5;
/** The RTC wakes nobody. */
const FIX_RTC = 1 << 6;
const RESET_REG_SUP = 1 << 10;
const HW_REDUCED_ACPI = 1 << 20;

/** Boot architecture flags (table 5.11). Bit 1 is clear: there is no keyboard controller to look for. */
const VGA_NOT_PRESENT = 1 << 2;
const MSI_NOT_SUPPORTED = 1 << 3;

/** Generic Address Structure (5.2.3.2): a byte in I/O space. */
const GAS_SYSTEM_IO = 1;
const GAS_BYTE_ACCESS = 1;

/** Register 0x32 of the RTC's memory. */
export const RTC_CENTURY_REGISTER = 0x32;
/** The registers in {@link ACPI_POWER_PORTS}, in their order. */
export const SLEEP_CONTROL_OFFSET = 0;
const SLEEP_STATUS_OFFSET = 1;
export const RESET_OFFSET = 2;
/** What the guest writes to the reset register. */
export const RESET_VALUE = 1;
/** The sleep type of S5, "soft off", that `_S5` in the DSDT names. */
export const S5_SLEEP_TYPE = 5;

function putPort(view: DataView, at: number, offset: number): void {
  view.setUint8(at, GAS_SYSTEM_IO);
  view.setUint8(at + 1, 8);
  view.setUint8(at + 3, GAS_BYTE_ACCESS);
  view.setBigUint64(at + 4, BigInt(ACPI_POWER_PORTS.port + offset), true);
}

/** @param dsdtAddress below 4 GiB */
export function fadt(dsdtAddress: number): Uint8Array {
  const table = new DataView(new ArrayBuffer(FADT_BYTES));
  table.setUint32(DSDT, dsdtAddress, true);
  table.setUint8(CENTURY, RTC_CENTURY_REGISTER);
  table.setUint16(IAPC_BOOT_ARCH, VGA_NOT_PRESENT | MSI_NOT_SUPPORTED, true);
  const flags = WBINVD | PWR_BUTTON | SLP_BUTTON | FIX_RTC | RESET_REG_SUP | HW_REDUCED_ACPI;
  table.setUint32(FLAGS, flags, true);
  putPort(table, RESET_REG, RESET_OFFSET);
  table.setUint8(RESET_VALUE_AT, RESET_VALUE);
  table.setUint8(MINOR_VERSION, MINOR);
  table.setBigUint64(X_DSDT, BigInt(dsdtAddress), true);
  putPort(table, SLEEP_CONTROL_REG, SLEEP_CONTROL_OFFSET);
  putPort(table, SLEEP_STATUS_REG, SLEEP_STATUS_OFFSET);
  putText(table, HYPERVISOR_VENDOR, "AURAEVMM");
  return acpiTable("FACP", MAJOR, new Uint8Array(table.buffer, TABLE_HEADER_BYTES));
}
