/** Ids of virtual machines. A value of this type is valid; only `vmId` makes one from text. */
import { AuraeError } from "../../base/errors.ts";

declare const brand: unique symbol;
export type VmId = string & { readonly [brand]: "VmId" };

/** A DNS label, since it is a host name, too; and thereby never `.`, `..`, or a file of cgroupfs. */
const ID = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/** @throws {AuraeError} invalid_argument */
export function vmId(text: string): VmId {
  if (!ID.test(text)) {
    throw new AuraeError(
      "invalid_argument",
      `vm id ${JSON.stringify(text.slice(0, 64))} is not made of 1 to 63 letters, digits and inner hyphens`,
    );
  }
  return text as VmId;
}
