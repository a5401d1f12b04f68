/**
 * Where everything lies in the guest's physical memory and in its I/O ports. Data and arithmetic only: nothing here
 * touches memory. docs of the addresses that are not ours to choose: Intel SDM volume 3 (APICs), ACPI 6.5 section 5.2.5
 * (where the RSDP is looked for), Documentation/arch/x86/boot.rst.
 *
 *     0x0000_0500  GDT of the boot CPU
 *     0x0000_6000  PVH start info, then its modules
 *     0x0000_7000  zero page (64-bit boot protocol), or the PVH memory map
 *     0x0000_8ff0  top of the boot CPU's stack
 *     0x0000_9000  page tables of the boot CPU, 4 GiB mapped one to one
 *     0x0002_0000  command line
 *     0x0009_fc00  end of low memory
 *     0x000e_0000  RSDP and the ACPI tables
 *     0x000f_0000  VM generation ID
 *     0x000f_fff0  what a kernel that jumps into the BIOS finds there: a reset
 *     0x0010_0000  memory for kernel, initrd and the guest's own
 *     0xc000_0000  MMIO: windows of virtio devices, then IOAPIC, LAPIC, KVM's own pages (platform.ts)
 *     0x1_0000_0000  memory beyond the hole
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const PAGE_BYTES = 4 * KIB;

export const GDT_ADDRESS = 0x500;
export const PVH_START_INFO_ADDRESS = 0x6000;
export const PVH_MODULES_ADDRESS = 0x6040;
/** The zero page and the PVH memory map are never there at the same time. */
export const PVH_MEMORY_MAP_ADDRESS = 0x7000;
export const ZERO_PAGE_ADDRESS = 0x7000;
export const BOOT_STACK_ADDRESS = 0x8ff0;
/** PML4, PDPT, and four page directories: six pages. */
export const PAGE_TABLES_ADDRESS = 0x9000;
export const COMMAND_LINE_ADDRESS = 0x2_0000;
/** The end of what is usable below the hole of the PC, where its extended BIOS data area began. */
export const LOW_MEMORY_END = 0x9_fc00;
/** The start of the BIOS area, where every kernel looks for an RSDP that nobody told it of. */
export const ACPI_ADDRESS = 0xe_0000;
export const ACPI_MAX_BYTES = 0x1_0000;
/** The BIOS, of which there is only its reset vector, and what ACPI devices have of their own. No system uses it as memory. */
const BIOS_ADDRESS = 0xf_0000;
/** 16 bytes that are others in every machine that goes on from a snapshot. */
export const VM_GENERATION_ID_ADDRESS = BIOS_ADDRESS;
export const VM_GENERATION_ID_BYTES = 16;
export const RESET_VECTOR_ADDRESS = 0xf_fff0;
export const HIGH_MEMORY_ADDRESS = 0x10_0000;

/** The hole in memory for devices: [3 GiB, 4 GiB). */
export const MMIO_HOLE_ADDRESS = 0xc000_0000;
export const ABOVE_4G_ADDRESS = 0x1_0000_0000;
export const IOAPIC_ADDRESS = 0xfec0_0000;
export const LAPIC_ADDRESS = 0xfee0_0000;

/** Windows of virtio-mmio devices: one page each, so that a page fault names its device. */
export const VIRTIO_MMIO_ADDRESS = 0xd000_0000;
export const VIRTIO_MMIO_BYTES = 0x1000;

/** Global system interrupts are the 24 pins of the IOAPIC. 0 to 4 and 8 belong to devices of the PC. */
/** In the place of a second serial port. */
export const VM_GENERATION_GSI = 3;
export const SERIAL_GSI = 4;
export const POWER_BUTTON_GSI = 5;
const VIRTIO_FIRST_GSI = 6;
const VIRTIO_LAST_GSI = 23;
const RTC_GSI = 8;
/** Each virtio device has an interrupt of its own, because edges can't be shared. */
export const VIRTIO_MMIO_MAX_DEVICES = VIRTIO_LAST_GSI - VIRTIO_FIRST_GSI; // the RTC has one of them

/** A range of I/O ports. */
export interface PortRange {
  readonly port: number;
  readonly count: number;
}

export const SERIAL_PORTS: PortRange = { port: 0x3f8, count: 8 };
/** Its line status register. */
export const SERIAL_STATUS_PORT = 0x3fd;
export const RTC_PORTS: PortRange = { port: 0x70, count: 2 };
/** The command port of the keyboard controller, by which a PC is reset. */
export const I8042_COMMAND_PORTS: PortRange = { port: 0x64, count: 1 };
/** Sleep control, sleep status and reset register of ACPI. */
export const ACPI_POWER_PORTS: PortRange = { port: 0x600, count: 3 };

export const MAX_VCPUS = 32;
/** Less than this holds no kernel of today with its initrd, and leaves no room for the guest's low structures. */
export const MIN_MEMORY_BYTES = 16 * MIB;
/** With the hole, it ends at 2^40: every CPU with long mode has as many physical address bits. */
export const MAX_MEMORY_BYTES = 1024 * GIB - (ABOVE_4G_ADDRESS - MMIO_HOLE_ADDRESS);
/** Bun's largest ArrayBuffer. Regions end at multiples of it, which no buffer of Linux's block layer crosses. */
const MAX_REGION_BYTES = 4 * GIB;

export class MemoryMapError extends Error {
  override readonly name = "MemoryMapError";
}

export interface AddressRange {
  readonly start: number;
  readonly length: number;
}

/** The window and the interrupt of a virtio device. */
export interface VirtioSlot {
  readonly address: number;
  readonly bytes: number;
  readonly gsi: number;
}

/**
 * Where the guest's memory is to be mapped: one region below the hole, and what does not fit there from 4 GiB on.
 * @param memoryBytes all of it; a multiple of the page size
 * @throws {MemoryMapError} if it is not, or beyond the bounds
 */
export function memoryRanges(memoryBytes: number): AddressRange[] {
  if (!Number.isInteger(memoryBytes) || memoryBytes % PAGE_BYTES !== 0) {
    throw new MemoryMapError(
      `lay out ${memoryBytes} bytes of memory: it must be a multiple of ${PAGE_BYTES}`,
    );
  }
  if (memoryBytes < MIN_MEMORY_BYTES || memoryBytes > MAX_MEMORY_BYTES) {
    throw new MemoryMapError(
      `lay out ${memoryBytes} bytes of memory: a guest can have from ${MIN_MEMORY_BYTES / MIB} MiB to ${MAX_MEMORY_BYTES / GIB} GiB`,
    );
  }
  const ranges = [{ start: 0, length: Math.min(memoryBytes, MMIO_HOLE_ADDRESS) }];
  let rest = memoryBytes - MMIO_HOLE_ADDRESS;
  for (let start = ABOVE_4G_ADDRESS; rest > 0; start += MAX_REGION_BYTES) {
    ranges.push({ start, length: Math.min(rest, MAX_REGION_BYTES) });
    rest -= MAX_REGION_BYTES;
  }
  return ranges;
}

/** Types of e820 entries; PVH's memory map uses the same numbers (ACPI 6.5 section 15, xen/arch-x86/hvm/start_info.h). */
export const E820_RAM = 1;
export const E820_RESERVED = 2;
export const E820_ACPI = 3;

export interface E820Entry extends AddressRange {
  readonly type: typeof E820_RAM | typeof E820_RESERVED | typeof E820_ACPI;
}

/**
 * What the guest is told of its memory. What is in no entry is free for devices.
 * @param ranges as {@link memoryRanges} made them
 */
export function e820Map(ranges: readonly AddressRange[]): E820Entry[] {
  const [low, ...high] = ranges;
  const lowEnd = low === undefined ? 0 : low.start + low.length;
  const entries: E820Entry[] = [
    { start: 0, length: LOW_MEMORY_END, type: E820_RAM },
    { start: LOW_MEMORY_END, length: ACPI_ADDRESS - LOW_MEMORY_END, type: E820_RESERVED },
    { start: ACPI_ADDRESS, length: ACPI_MAX_BYTES, type: E820_ACPI },
    { start: BIOS_ADDRESS, length: HIGH_MEMORY_ADDRESS - BIOS_ADDRESS, type: E820_RESERVED },
    { start: HIGH_MEMORY_ADDRESS, length: lowEnd - HIGH_MEMORY_ADDRESS, type: E820_RAM },
  ];
  const first = high[0];
  if (first !== undefined) {
    const length = high.reduce((sum, range) => sum + range.length, 0);
    entries.push({ start: first.start, length, type: E820_RAM });
  }
  return entries;
}

/**
 * The place of a virtio device by its number, which is also the order in which Linux finds them.
 * @throws {MemoryMapError} if there is none of that number
 */
export function virtioSlot(index: number): VirtioSlot {
  if (!Number.isInteger(index) || index < 0 || index >= VIRTIO_MMIO_MAX_DEVICES) {
    throw new MemoryMapError(
      `place virtio device ${index}: a machine has at most ${VIRTIO_MMIO_MAX_DEVICES}; give it fewer drives or networks`,
    );
  }
  const gsi = VIRTIO_FIRST_GSI + index;
  return {
    address: VIRTIO_MMIO_ADDRESS + index * VIRTIO_MMIO_BYTES,
    bytes: VIRTIO_MMIO_BYTES,
    gsi: gsi < RTC_GSI ? gsi : gsi + 1,
  };
}
