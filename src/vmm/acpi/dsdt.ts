/**
 * DSDT: the devices of the machine in AML, by which a stock kernel finds them without a word on its command line.
 *
 * The power button is a device of its own (PNP0C0C), since hardware-reduced ACPI has no fixed one. Pressing it is an
 * edge on an interrupt of the Generic Event Device (ACPI 6.5 section 5.6.9), whose method tells the button's driver. So
 * does the VM generation ID (Microsoft, "Virtual Machine Generation ID"), whose driver, in Linux vmgenid, has the kernel
 * take new random numbers at once when a machine goes on from a snapshot.
 */
import {
  POWER_BUTTON_GSI,
  RTC_PORTS,
  SERIAL_GSI,
  SERIAL_PORTS,
  VM_GENERATION_GSI,
  VM_GENERATION_ID_ADDRESS,
  type VirtioSlot,
} from "../memory-map.ts";
import {
  type Aml,
  arg,
  device,
  eisaId,
  equal,
  integer,
  method,
  name,
  notify,
  packageOf,
  scope,
  string,
  when,
} from "./aml.ts";
import { S5_SLEEP_TYPE } from "./fadt.ts";
import { interrupt, io, memory32Fixed, resourceTemplate } from "./resources.ts";
import { acpiTable } from "./table.ts";

/** From 2 on, integers have 64 bits. */
const REVISION = 2;
/** Notification of a control method power button (table 5.165). */
const BUTTON_PRESSED = 0x80;
/** Notification that the VM generation ID is another. */
const GENERATION_CHANGED = 0x80;
/** What drivers look for: the first is the specification's own, too long for ACPI; the second Hyper-V's beside it. */
const GENERATION_IDS = ["VM_Gen_Counter", "VMGENCTR"] as const;
/** Every line of ours is an irqfd that raises an edge, and none is shared. */
const EDGE = { trigger: "edge", sharing: "exclusive" } as const;

/** Whether a device takes part in cache coherency (6.2.17); Linux gives a device that says so plain DMA. */
const COHERENT = name("_CCA", integer(1));

function virtioDevice(slot: VirtioSlot, index: number): Aml {
  return device(
    `VR${index.toString().padStart(2, "0")}`,
    name("_HID", string("LNRO0005")),
    name("_UID", integer(index)),
    COHERENT,
    name(
      "_CRS",
      resourceTemplate(memory32Fixed(slot.address, slot.bytes), interrupt(slot.gsi, EDGE)),
    ),
  );
}

function serialPort(): Aml {
  return device(
    "COM1",
    name("_HID", eisaId("PNP0501")),
    name("_UID", integer(1)),
    name(
      "_CRS",
      resourceTemplate(io(SERIAL_PORTS.port, SERIAL_PORTS.count), interrupt(SERIAL_GSI, EDGE)),
    ),
  );
}

/** Without an interrupt: it tells the time, and has no alarms. */
function clock(): Aml {
  return device(
    "RTC",
    name("_HID", eisaId("PNP0B00")),
    name("_CRS", resourceTemplate(io(RTC_PORTS.port, RTC_PORTS.count))),
  );
}

function powerButton(): Aml {
  return device("PWRB", name("_HID", eisaId("PNP0C0C")), name("_UID", integer(0)));
}

function generationId(): Aml {
  return device(
    "VGEN",
    name("_HID", string("AURA0001")),
    name("_CID", packageOf(...GENERATION_IDS.map((id) => string(id)))),
    name("_DDN", string(GENERATION_IDS[0])),
    // The lower and the upper half of where it is.
    name("ADDR", packageOf(integer(VM_GENERATION_ID_ADDRESS), integer(0))),
  );
}

function events(): Aml {
  const lines = [VM_GENERATION_GSI, POWER_BUTTON_GSI];
  return device(
    "GED",
    name("_HID", string("ACPI0013")),
    name("_UID", integer(0)),
    name("_CRS", resourceTemplate(...lines.map((gsi) => interrupt(gsi, EDGE)))),
    method(
      "_EVT",
      { args: 1, isSerialized: true },
      when(equal(arg(0), integer(POWER_BUTTON_GSI)), notify("\\_SB.PWRB", BUTTON_PRESSED)),
      when(equal(arg(0), integer(VM_GENERATION_GSI)), notify("\\_SB.VGEN", GENERATION_CHANGED)),
    ),
  );
}

/** @param virtio the places of the virtio devices, in the order in which they are to be found */
export function dsdt(virtio: readonly VirtioSlot[]): Uint8Array {
  const terms = [
    scope(
      "\\_SB",
      serialPort(),
      clock(),
      powerButton(),
      generationId(),
      events(),
      ...virtio.map((slot, index) => virtioDevice(slot, index)),
    ),
    name("\\_S5", packageOf(integer(S5_SLEEP_TYPE), integer(0), integer(0), integer(0))),
  ];
  return acpiTable("DSDT", REVISION, new Uint8Array(terms.flatMap((term) => [...term])));
}
