/** The header that every ACPI table but the RSDP has, and checksums (ACPI 6.5 section 5.2.6). */

export const TABLE_HEADER_BYTES = 36;
export const OEM_ID = "AURAED";
const OEM_TABLE_ID = "AURAEVMM";
const CREATOR_ID = "AURA";
const REVISION = 1;
const CHECKSUM_AT = 9;

export function putText(view: DataView, at: number, text: string): void {
  for (const [index, char] of [...text].entries()) {
    view.setUint8(at + index, char.charCodeAt(0));
  }
}

/** The byte that makes the sum of all of them zero, given that it is among them as zero. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/**
 * A whole table.
 * @param body what follows the header
 */
export function acpiTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TABLE_HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  putText(view, 0, signature);
  view.setUint32(4, bytes.length, true);
  view.setUint8(8, revision);
  putText(view, 10, OEM_ID);
  putText(view, 16, OEM_TABLE_ID);
  view.setUint32(24, REVISION, true);
  putText(view, 28, CREATOR_ID);
  view.setUint32(32, REVISION, true);
  bytes.set(body, TABLE_HEADER_BYTES);
  view.setUint8(CHECKSUM_AT, checksum(bytes));
  return bytes;
}
