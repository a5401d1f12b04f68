import { describe, expect, test } from "bun:test";
import { guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import type { GuestMemory } from "../memory/guest-memory.ts";
import { ACPI_ADDRESS, ACPI_MAX_BYTES, MAX_VCPUS, VIRTIO_MMIO_MAX_DEVICES } from "../memory-map.ts";
import { checksum } from "./table.ts";
import { writeAcpiTables } from "./write-tables.ts";

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0) & 0xff;
}

function text(memory: GuestMemory, address: number, length: number): string {
  return new TextDecoder("latin1").decode(memory.bytes(address, length));
}

interface Table {
  readonly address: number;
  readonly signature: string;
  readonly bytes: Uint8Array;
}

function tableAt(memory: GuestMemory, address: number): Table {
  const bytes = memory.bytes(address, memory.read32(address + 4));
  return { address, signature: text(memory, address, 4), bytes };
}

/** Finds all tables as a kernel does, from the RSDP on. */
function tablesOf(memory: GuestMemory, rsdp: number): Table[] {
  const xsdt = tableAt(memory, Number(memory.read64(rsdp + 24)));
  const count = (xsdt.bytes.length - 36) / 8;
  const named = Array.from({ length: count }, (_, index) =>
    tableAt(memory, Number(memory.read64(xsdt.address + 36 + index * 8))),
  );
  const fadt = named.find(({ signature }) => signature === "FACP")!;
  return [xsdt, ...named, tableAt(memory, Number(memory.read64(fadt.address + 140)))];
}

describe("writeAcpiTables", () => {
  const memory = guestMemory(16 * MIB);
  const rsdp = writeAcpiTables(memory, { vcpus: 3, virtioDevices: 2 });
  const tables = tablesOf(memory, rsdp);
  const table = (signature: string) => tables.find((one) => one.signature === signature)!;

  test("puts an RSDP with both checksums where kernels look for it", () => {
    expect(rsdp).toBe(ACPI_ADDRESS);
    expect(text(memory, rsdp, 8)).toBe("RSD PTR ");
    expect(memory.bytes(rsdp + 15, 1)[0]).toBe(2);
    expect(sum(memory.bytes(rsdp, 20))).toBe(0);
    expect(sum(memory.bytes(rsdp, 36))).toBe(0);
  });

  test("names FADT and MADT in the XSDT, and the DSDT in the FADT twice", () => {
    expect(tables.map(({ signature }) => signature)).toEqual(["XSDT", "FACP", "APIC", "DSDT"]);
    const fadt = table("FACP");
    expect(memory.read32(fadt.address + 40)).toBe(table("DSDT").address);
  });

  test("gives every table a checksum that holds", () => {
    expect(tables.map(({ bytes }) => sum(bytes))).toEqual([0, 0, 0, 0]);
  });

  test("says in the FADT that the hardware is reduced, and how to reset and to sleep", () => {
    const { address, bytes } = table("FACP");
    expect(bytes.length).toBe(276);
    const flags = memory.read32(address + 112);
    expect([flags & (1 << 20), flags & (1 << 10), flags & (1 << 4)].every(Boolean)).toBe(true);
    const register = (offset: number) => [
      bytes[offset],
      bytes[offset + 1],
      Number(memory.read64(address + offset + 4)),
    ];
    expect(register(244)).toEqual([1, 8, 0x600]);
    expect(register(256)).toEqual([1, 8, 0x601]);
    expect(register(116)).toEqual([1, 8, 0x602]);
    expect(bytes[128]).toBe(1);
  });

  test("has one enabled APIC per vCPU, and the IOAPIC, in the MADT", () => {
    const { bytes } = table("APIC");
    const entries: string[] = [];
    for (let at = 44; at < bytes.length; at += bytes[at + 1]!) {
      entries.push(Buffer.from(bytes.subarray(at, at + bytes[at + 1]!)).toString("hex"));
    }
    expect(entries).toEqual([
      "0008000001000000",
      "0008010101000000",
      "0008020201000000",
      "010c00000000c0fe00000000",
    ]);
  });

  test("has room for the largest machine", () => {
    const large = guestMemory(16 * MIB);
    writeAcpiTables(large, { vcpus: MAX_VCPUS, virtioDevices: VIRTIO_MMIO_MAX_DEVICES });
    const ends = tablesOf(large, ACPI_ADDRESS).map(({ address, bytes }) => address + bytes.length);
    expect(Math.max(...ends)).toBeLessThanOrEqual(ACPI_ADDRESS + ACPI_MAX_BYTES);
    expect(large.bytes(ACPI_ADDRESS + ACPI_MAX_BYTES, MIB).every((byte) => byte === 0)).toBe(true);
  });

  test.each([0, -1, 1.5, MAX_VCPUS + 1, 1000])("refuses %p vCPUs", (vcpus) => {
    expect(() => writeAcpiTables(memory, { vcpus, virtioDevices: 0 })).toThrow(
      `a machine of ${vcpus} vCPUs: it can have 1 to 32`,
    );
  });

  test("refuses more virtio devices than there are interrupts", () => {
    const machine = { vcpus: 1, virtioDevices: VIRTIO_MMIO_MAX_DEVICES + 1 };
    expect(() => writeAcpiTables(memory, machine)).toThrow("a machine has at most 17");
  });
});

test("checksum is what is missing to a multiple of 256", () => {
  expect(checksum(new Uint8Array([]))).toBe(0);
  expect(checksum(new Uint8Array([255, 2]))).toBe(255);
  expect(checksum(new Uint8Array([128, 128]))).toBe(0);
});
