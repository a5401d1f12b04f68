/**
 * Puts the ACPI tables of a machine into guest memory: the RSDP where kernels look for it, and behind it, in this
 * order, DSDT, FADT, MADT, and the XSDT that names them (ACPI 6.5 sections 5.2.5 and 5.2.8).
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { ACPI_ADDRESS, ACPI_MAX_BYTES, virtioSlot } from "../memory-map.ts";
import { dsdt } from "./dsdt.ts";
import { fadt } from "./fadt.ts";
import { madt } from "./madt.ts";
import { acpiTable, checksum, OEM_ID, putText } from "./table.ts";

const RSDP_BYTES = 36;
/** What the first checksum covers: the RSDP of ACPI 1.0. */
const RSDP_FIRST_BYTES = 20;
const RSDP_REVISION = 2;
const XSDT_REVISION = 1;
const ALIGNMENT = 16;

export interface AcpiMachine {
  readonly vcpus: number;
  /** How many virtio devices there are; their places are those of {@link virtioSlot}. */
  readonly virtioDevices: number;
}

function rsdp(xsdtAddress: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_BYTES);
  const view = new DataView(bytes.buffer);
  putText(view, 0, "RSD PTR ");
  putText(view, 9, OEM_ID);
  view.setUint8(15, RSDP_REVISION);
  view.setUint32(20, RSDP_BYTES, true);
  view.setBigUint64(24, BigInt(xsdtAddress), true);
  view.setUint8(8, checksum(bytes.subarray(0, RSDP_FIRST_BYTES)));
  view.setUint8(32, checksum(bytes));
  return bytes;
}

function xsdt(addresses: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(addresses.length * 8));
  for (const [index, address] of addresses.entries()) {
    view.setBigUint64(index * 8, BigInt(address), true);
  }
  return acpiTable("XSDT", XSDT_REVISION, new Uint8Array(view.buffer));
}

/**
 * @returns the address of the RSDP, for the kernel
 * @throws {RangeError} on more vCPUs, or {MemoryMapError} on more devices, than a machine can have
 */
export function writeAcpiTables(memory: GuestMemory, machine: AcpiMachine): number {
  let next = ACPI_ADDRESS + RSDP_BYTES;
  const place = (table: Uint8Array): number => {
    const address = Math.ceil(next / ALIGNMENT) * ALIGNMENT;
    next = address + table.length;
    if (next > ACPI_ADDRESS + ACPI_MAX_BYTES) {
      throw new RangeError(`the ACPI tables have more than ${ACPI_MAX_BYTES} bytes`);
    }
    memory.bytes(address, table.length).set(table);
    return address;
  };
  const slots = Array.from({ length: machine.virtioDevices }, (_, index) => virtioSlot(index));
  const fadtAddress = place(fadt(place(dsdt(slots))));
  const xsdtAddress = place(xsdt([fadtAddress, place(madt(machine.vcpus))]));
  memory.bytes(ACPI_ADDRESS, RSDP_BYTES).set(rsdp(xsdtAddress));
  return ACPI_ADDRESS;
}
