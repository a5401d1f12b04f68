/**
 * Rings that change while they are read: another thread writes into them without a pause. What is checked once and read
 * again would throw, reach beyond, or never end. The only target whose inputs do not follow from the seed.
 */
import { GuestMemory, GuestMemoryError } from "../../src/vmm/memory/guest-memory.ts";
import { VirtioFault } from "../../src/vmm/virtio/fault.ts";
import { EchoDevice } from "../harness/virtio-echo.ts";
import { VirtioGuest } from "../harness/virtio-driver.ts";
import type { Scribbling } from "./scribbler.ts";

const MEMORY_BYTES = 64 * 1024;
const RINGS_FROM = 0x1000;
const RINGS_TO = 0x1240;

/** @returns how often a device was stopped, and how many chains it gave back */
export async function fuzzRaces(count: number, seed: number): Promise<Record<string, number>> {
  const shared = new SharedArrayBuffer(MEMORY_BYTES);
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL("./scribbler.ts", import.meta.url).href);
  const says = () =>
    new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = reject;
    });
  const begun = says();
  const range = { from: RINGS_FROM, to: RINGS_TO };
  worker.postMessage({ memory: shared, stop, ...range, seed } satisfies Scribbling);
  await begun;
  const counts = { faults: 0, served: 0 };
  try {
    const memory = new GuestMemory([{ start: 0, bytes: new Uint8Array(shared) }]);
    const options = { queueSize: 8, regionBytes: MEMORY_BYTES, isOneRegion: true };
    const device = new EchoDevice();
    const guest = new VirtioGuest(device, options, memory);
    for (let i = 0; i < count; i++) {
      guest.start();
      for (const bytes of [17, 100]) {
        guest.queue(i % 2).add([new Uint8Array(bytes)], [bytes], i % 4 > 1);
      }
      guest.transport.drain(i % 2);
      const strange = guest.faults.find(
        (fault) => !(fault instanceof VirtioFault || fault instanceof GuestMemoryError),
      );
      if (strange !== undefined) {
        throw new Error(`round ${i}: the device threw ${(strange as Error).stack}`);
      }
      counts.faults += guest.faults.splice(0).length;
    }
    counts.served = device.served;
  } finally {
    const stopped = says();
    Atomics.store(new Int32Array(stop), 0, 1);
    await stopped;
    worker.terminate();
  }
  return counts;
}
