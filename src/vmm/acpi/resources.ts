/** Resource templates: the ports, memory and interrupts of a device, for its `_CRS` (ACPI 6.5 section 6.4). */
import { type Aml, buffer } from "./aml.ts";

const IO_PORT = 0x47;
const DECODE_16 = 0x01;
const END_TAG = 0x79;
const MEMORY_32_FIXED = 0x86;
const READ_WRITE = 0x01;
const EXTENDED_INTERRUPT = 0x89;
const CONSUMER = 0x01;
const EDGE = 0x02;
const SHARED = 0x08;

/** One descriptor of a template. */
export type Resource = Uint8Array;

export interface InterruptKind {
  readonly trigger: "edge" | "level";
  readonly sharing: "exclusive" | "shared";
}

function descriptor(bytes: number, write: (view: DataView) => void): Resource {
  const view = new DataView(new ArrayBuffer(bytes));
  write(view);
  return new Uint8Array(view.buffer);
}

/** I/O Port Descriptor (6.4.2.5), at a fixed place. */
export function io(port: number, count: number): Resource {
  return descriptor(8, (view) => {
    view.setUint8(0, IO_PORT);
    view.setUint8(1, DECODE_16);
    view.setUint16(2, port, true);
    view.setUint16(4, port, true);
    view.setUint8(6, 1);
    view.setUint8(7, count);
  });
}

/** 32-bit Fixed Memory Range Descriptor (6.4.3.4). */
export function memory32Fixed(address: number, bytes: number): Resource {
  return descriptor(12, (view) => {
    view.setUint8(0, MEMORY_32_FIXED);
    view.setUint16(1, 9, true);
    view.setUint8(3, READ_WRITE);
    view.setUint32(4, address, true);
    view.setUint32(8, bytes, true);
  });
}

/** Extended Interrupt Descriptor (6.4.3.6) of one global system interrupt, active high. */
export function interrupt(gsi: number, kind: InterruptKind): Resource {
  return descriptor(9, (view) => {
    view.setUint8(0, EXTENDED_INTERRUPT);
    view.setUint16(1, 6, true);
    const trigger = kind.trigger === "edge" ? EDGE : 0;
    const sharing = kind.sharing === "shared" ? SHARED : 0;
    view.setUint8(3, CONSUMER | trigger | sharing);
    view.setUint8(4, 1);
    view.setUint32(5, gsi, true);
  });
}

/** ResourceTemplate () { … }; the end tag's checksum of zero says that there is none (6.4.2.9). */
export function resourceTemplate(...resources: readonly Resource[]): Aml {
  return buffer(new Uint8Array([...resources.flatMap((bytes) => [...bytes]), END_TAG, 0]));
}
