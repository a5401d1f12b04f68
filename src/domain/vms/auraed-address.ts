/** Where an auraed in a guest answers. */
import type { VmNic } from "./networks.ts";
import type { VmSpec } from "./vm-spec.ts";

/**
 * @param nic the host's side of the first one, if there is any
 * @returns empty where there is no way to it
 */
export function auraedAddressOf(spec: VmSpec, nic: VmNic | undefined): string {
  if (spec.auraedAddress !== "" || nic === undefined) {
    return spec.auraedAddress;
  }
  // What an auraed that is a machine's init takes on its first NIC, so no good where there are several: on a bridge.
  const isAlone = spec.nics[0]?.bridge === undefined;
  return nic.auraedAddress ?? (isAlone ? `[fe80::2%${nic.ifindex}]:8080` : "");
}
