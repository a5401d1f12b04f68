/** The thread of a device, as a monitor runs it: sleeps on an eventfd, and drains the queue when it is woken. */
import { readSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { VirtioInterrupt } from "../../src/vmm/virtio/interrupt.ts";
import { MmioTransport } from "../../src/vmm/virtio/mmio.ts";
import { EchoDevice } from "./virtio-echo.ts";

export interface VirtioWorkerData {
  readonly memory: SharedArrayBuffer;
  readonly interruptStatus: SharedArrayBuffer;
  /** The transport's, as the driver set it up. */
  readonly state: unknown;
  /** eventfds: the driver has notified; the device interrupts. */
  readonly notifyFd: number;
  readonly interruptFd: number;
  /** Not 0: it is to end. */
  readonly stop: SharedArrayBuffer;
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

const { memory, interruptStatus, state, notifyFd, interruptFd, stop } =
  workerData as VirtioWorkerData;
const device = new EchoDevice();
const faults: string[] = [];
const transport = new MmioTransport({
  device,
  memory: new GuestMemory([{ start: 0, bytes: new Uint8Array(memory) }]),
  interrupt: new VirtioInterrupt(
    { trigger: () => void writeSync(interruptFd, ONE) },
    new Int32Array(interruptStatus),
  ),
  onNotify: () => undefined,
  onFault: (error) => faults.push(String(error)),
});
transport.restore(state);
parentPort?.postMessage("ready");
const flag = new Int32Array(stop);
let wakeUps = 0;
while (Atomics.load(flag, 0) === 0) {
  readSync(notifyFd, new Uint8Array(8));
  wakeUps += 1;
  while (transport.drain(0)) {
    // There is more.
  }
}
parentPort?.postMessage({ wakeUps, served: device.served, faults });
