/** TAP devices in memory, which outlive the daemon that made them. For tests. */
import { AuraeError } from "../../src/base/errors.ts";
import type { VmNetworks, VmNic, VmNicSpec } from "../../src/domain/vms/networks.ts";

export class FakeNetworks implements VmNetworks {
  /** By the machine and the place, such as `a/0`. */
  readonly taps = new Map<string, VmNic & { readonly spec: VmNicSpec }>();
  readonly bridges = new Set<string>();
  /** The next one fails. */
  isFailing = false;
  #lastIndex = 10;

  async create(id: string, index: number, spec: VmNicSpec): Promise<VmNic> {
    await Promise.resolve();
    if (this.isFailing || (spec.bridge !== undefined && !this.bridges.has(spec.bridge))) {
      this.isFailing = false;
      throw new AuraeError("failed_precondition", `there is no bridge "${spec.bridge}"`);
    }
    if (this.taps.has(`${id}/${index}`)) {
      throw new AuraeError("internal", `the device of "${id}" is there`);
    }
    this.#lastIndex += 1;
    const nic = { tap: `tap${this.#lastIndex}`, ifindex: this.#lastIndex, hostAddress: "fe80::1" };
    this.taps.set(`${id}/${index}`, { ...nic, spec });
    return nic;
  }

  async adopt(id: string, index: number, nic: VmNic): Promise<boolean> {
    return this.taps.get(`${id}/${index}`)?.tap === nic.tap;
  }

  async remove(id: string, index: number): Promise<void> {
    this.taps.delete(`${id}/${index}`);
  }
}
