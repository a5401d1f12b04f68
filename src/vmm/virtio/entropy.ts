/** The entropy device (virtio 1.2, 5.4): random bytes of the host's kernel, right into the guest's memory. */
import { VIRTIO_ID_RNG } from "../../kernel/abi/virtio.ts";
import { fillRandom } from "../../kernel/io/random.ts";
import type { DescriptorChain } from "./chain.ts";
import type { DeviceContext, VirtioDevice } from "./device.ts";
import type { Virtqueue } from "./queue.ts";
import { slice } from "./segments.ts";
import { StateReader, type VersionedState } from "./state.ts";

const QUEUE_SIZE = 64;
const STATE_VERSION = 1;
/** What one request gets at most; a driver takes less, and asks again (5.4.6.1). */
export const MAX_ENTROPY_BYTES = 64 * 1024;

export class EntropyDevice implements VirtioDevice {
  readonly id = VIRTIO_ID_RNG;
  readonly name = "entropy";
  readonly queueSizes = [QUEUE_SIZE];
  readonly features = 0n;
  readonly config = new Uint8Array(0);
  #queue: Virtqueue | undefined;

  activate({ queues }: DeviceContext): void {
    this.#queue = queues[0];
  }

  reset(): void {
    this.#queue = undefined;
  }

  drain(): boolean {
    return this.#queue?.serve(fill) ?? false;
  }

  /** Nothing: a restored guest asks as before, and gets other bytes. */
  save(): VersionedState {
    return { version: STATE_VERSION };
  }

  restore(state: unknown): void {
    new StateReader("entropy device", state, STATE_VERSION);
  }
}

function fill({ writable }: DescriptorChain): number {
  let written = 0;
  for (const { region, offset, length } of slice(writable, 0, MAX_ENTROPY_BYTES)) {
    if (fillRandom(region.bytes, offset, length) < 0) {
      break;
    }
    written += length;
  }
  return written;
}
