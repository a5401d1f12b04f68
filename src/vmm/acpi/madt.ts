/** MADT, the Multiple APIC Description Table: the CPUs and the IOAPIC (ACPI 6.5 section 5.2.12). */
import { IOAPIC_ADDRESS, LAPIC_ADDRESS, MAX_VCPUS } from "../memory-map.ts";
import { acpiTable } from "./table.ts";

const REVISION = 6;
const HEAD_BYTES = 8;
const LOCAL_APIC = 0;
const LOCAL_APIC_BYTES = 8;
const ENABLED = 1;
const IO_APIC = 1;
const IO_APIC_BYTES = 12;

/**
 * Each vCPU has its number as APIC id, which is what KVM gives it. The flag for a PC's pair of PICs is clear.
 * @throws {RangeError} unless there are 1 to {@link MAX_VCPUS}
 */
export function madt(vcpus: number): Uint8Array {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new RangeError(`a machine of ${vcpus} vCPUs: it can have 1 to ${MAX_VCPUS}`);
  }
  const table = new DataView(
    new ArrayBuffer(HEAD_BYTES + vcpus * LOCAL_APIC_BYTES + IO_APIC_BYTES),
  );
  table.setUint32(0, LAPIC_ADDRESS, true);
  for (let id = 0; id < vcpus; id += 1) {
    const at = HEAD_BYTES + id * LOCAL_APIC_BYTES;
    table.setUint8(at, LOCAL_APIC);
    table.setUint8(at + 1, LOCAL_APIC_BYTES);
    table.setUint8(at + 2, id);
    table.setUint8(at + 3, id);
    table.setUint32(at + 4, ENABLED, true);
  }
  const at = HEAD_BYTES + vcpus * LOCAL_APIC_BYTES;
  table.setUint8(at, IO_APIC);
  table.setUint8(at + 1, IO_APIC_BYTES);
  table.setUint32(at + 4, IOAPIC_ADDRESS, true);
  return acpiTable("APIC", REVISION, new Uint8Array(table.buffer));
}
