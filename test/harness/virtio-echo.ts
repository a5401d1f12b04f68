/** A virtio device for tests of what all have in common: it writes what it reads back, and counts. */
import { VIRTIO_ID_RNG } from "../../src/kernel/abi/virtio.ts";
import {
  type DeviceContext,
  featuresOf,
  hasFeature,
  type VirtioDevice,
} from "../../src/vmm/virtio/device.ts";
import { bytesIn, copyFrom, copyTo } from "../../src/vmm/virtio/segments.ts";
import { StateReader } from "../../src/vmm/virtio/state.ts";

export const ECHO_FEATURE = 3;
export const ECHO_NEEDS_OTHER = 4;

export class EchoDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_RNG;
  readonly name = "echo";
  readonly queueSizes = [16, 8];
  readonly features = featuresOf([ECHO_FEATURE, ECHO_NEEDS_OTHER]);
  readonly config = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  readonly calls: string[] = [];
  served = 0;
  /** Thrown by the next call of drain. */
  nextError: Error | undefined;
  context: DeviceContext | undefined;

  accepts(features: bigint): boolean {
    return !hasFeature(features, ECHO_NEEDS_OTHER) || hasFeature(features, ECHO_FEATURE);
  }

  writeConfig(offset: number, data: Uint8Array): void {
    this.config.set(data, offset);
  }

  activate(context: DeviceContext): void {
    this.calls.push("activate");
    this.context = context;
  }

  drain(index: number): boolean {
    const { nextError } = this;
    this.nextError = undefined;
    if (nextError !== undefined) {
      throw nextError;
    }
    const queue = this.context!.queues[index]!;
    return queue.consume((chain) => {
      const bytes = new Uint8Array(Math.min(bytesIn(chain.readable), 1 << 20));
      copyFrom(chain.readable, 0, bytes);
      this.served += 1;
      queue.push(chain, copyTo(chain.writable, 0, bytes));
      return true;
    });
  }

  reset(): void {
    this.calls.push("reset");
    this.context = undefined;
  }

  save() {
    return { version: 1, served: this.served };
  }

  restore(state: unknown): void {
    this.served = new StateReader("echo device", state, 1).number("served", 1e9);
  }
}
