/** The ACPI tables of a virtual machine, read by ACPICA's own tools, whose code is what Linux has inside of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dsdt } from "../../src/vmm/acpi/dsdt.ts";
import { fadt } from "../../src/vmm/acpi/fadt.ts";
import { madt } from "../../src/vmm/acpi/madt.ts";
import { MAX_VCPUS, VIRTIO_MMIO_MAX_DEVICES, virtioSlot } from "../../src/vmm/memory-map.ts";

const HEADER_BYTES = 36;

const folder = mkdtempSync(join(tmpdir(), "vmm-acpi-"));
afterAll(() => rmSync(folder, { recursive: true }));

function iasl(...words: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["iasl", ...words], { cwd: folder });
  const output = `${stdout}${stderr}`;
  expect(`${exitCode}: ${output}`).toStartWith("0: ");
  return output;
}

/** The table's source, as iasl reads it, without what follows in comments. */
function disassembled(name: string, table: Uint8Array): string {
  writeFileSync(join(folder, `${name}.aml`), table);
  const output = iasl("-d", `${name}.aml`);
  expect(output).not.toMatch(/error|warning|incorrect|invalid/i);
  return readFileSync(join(folder, `${name}.dsl`), "utf8").replace(/\s+/g, " ");
}

const slots = Array.from({ length: VIRTIO_MMIO_MAX_DEVICES }, (_, index) => virtioSlot(index));

test("iasl compiles what it reads in the DSDT to the same bytes", () => {
  const table = dsdt(slots);
  disassembled("dsdt", table);
  // Without optimizations: it would shorten paths.
  const output = iasl("-oa", "-p", "again", "dsdt.dsl");
  expect(output).toContain("0 Errors, 0 Warnings");
  const again = new Uint8Array(readFileSync(join(folder, "again.aml")));
  expect(again.slice(HEADER_BYTES)).toEqual(table.slice(HEADER_BYTES));
});

test("iasl finds every virtio device in the DSDT, with its window and its interrupt", () => {
  const source = disassembled("virtio", dsdt(slots));
  for (const { address, bytes, gsi } of slots) {
    const hex = (value: number) => `0x${value.toString(16).toUpperCase().padStart(8, "0")}`;
    expect(source).toContain(
      `Memory32Fixed (ReadWrite, ${hex(address)}, // Address Base ${hex(bytes)}, // Address Length ) Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { ${hex(gsi)}, }`,
    );
  }
  expect(source.split('Name (_HID, "LNRO0005")').length - 1).toBe(slots.length);
});

test("iasl finds serial port, clock, power button and the way to S5 in the DSDT", () => {
  const source = disassembled("fixed", dsdt([]));
  const parts = [
    'Device (COM1) { Name (_HID, EisaId ("PNP0501")',
    'Device (RTC) { Name (_HID, EisaId ("PNP0B00")',
    'Device (PWRB) { Name (_HID, EisaId ("PNP0C0C")',
    'Device (GED) { Name (_HID, "ACPI0013"',
    "Method (_EVT, 1, Serialized) // _EVT: Event { If ((Arg0 == 0x05)) { Notify (\\_SB.PWRB, 0x80)",
    "If ((Arg0 == 0x03)) { Notify (\\_SB.VGEN, 0x80)",
    'Device (VGEN) { Name (_HID, "AURA0001")',
    '"VM_Gen_Counter", "VMGENCTR"',
    "Name (ADDR, Package (0x02) { 0x000F0000, Zero })",
    "Name (\\_S5, Package (0x04) // _S5_: S5 System State { 0x05, Zero, Zero, Zero })",
  ];
  expect(parts.filter((part) => !source.includes(part))).toEqual([]);
});

test("iasl reads the FADT as that of reduced hardware", () => {
  const source = disassembled("fadt", fadt(0xe_0030));
  const parts = [
    "Hardware Reduced (V5) : 1",
    "Control Method Power Button (V1) : 1",
    "Reset Register Supported (V2) : 1",
    "Value to cause reset : 01",
    "8042 Present on ports 60/64 (V2) : 0",
    "DSDT Address : 00000000000E0030",
    "RTC Century Index : 32",
  ];
  expect(parts.filter((part) => !source.includes(part))).toEqual([]);
});

test("iasl reads a MADT of as many processors as there are", () => {
  const source = disassembled("madt", madt(MAX_VCPUS));
  expect(source.split("Processor Enabled : 1").length - 1).toBe(MAX_VCPUS);
  expect(source).toContain("Address : FEC00000");
});
