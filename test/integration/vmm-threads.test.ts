/** Driver and device in threads of their own, on the same memory: no notification and no interrupt may be lost. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { readSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { fence } from "../../src/vmm/virtio/fence.ts";
import { randomFrom } from "../harness/random.ts";
import { type DriverQueue, VirtioGuest } from "../harness/virtio-driver.ts";
import { EchoDevice } from "../harness/virtio-echo.ts";
import type { VirtioWorkerData } from "../harness/virtio-worker.ts";

const MEMORY_BYTES = 1 << 20;
const CHAINS = 60_000;
const TIMEOUT_MS = 5000;
const POLLIN = 1;
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

function eventFd(): FileDescriptor {
  return new FileDescriptor(syscall("eventfd2", "for a test", 0, 0));
}

/** @returns whether it was written to, in time */
function wait({ number }: FileDescriptor): boolean {
  const fds = Int32Array.of(number, POLLIN);
  return (
    syscall("poll", "an interrupt", fds, 1, TIMEOUT_MS) > 0 &&
    readSync(number, new Uint8Array(8)) > 0
  );
}

/** Lets some time go by, in microseconds, without sleep: to meet the other thread at all points of its way. */
function spin(us: number): void {
  for (const end = performance.now() + us / 1000; performance.now() < end;) {
    // Nothing else.
  }
}

interface Ran {
  readonly returned: number;
  readonly waits: number;
  readonly kicks: number;
}

/** Sends numbers and checks what comes back, asleep whenever there is nothing to do. */
function drive(guest: VirtioGuest, queue: DriverQueue, interrupt: FileDescriptor): Ran {
  const random = randomFrom(1);
  const start = guest.mark();
  const sent = new Map<number, number>();
  let [added, returned, waits, kicks] = [0, 0, 0, 0];
  const collect = (): boolean => {
    const all = queue.takeAll();
    for (const { head, buffers } of all) {
      expect(new DataView(buffers[0]!.slice().buffer).getUint32(0, true)).toBe(sent.get(head)!);
      returned += 1;
    }
    return all.length > 0;
  };
  while (returned < CHAINS) {
    for (let i = random(6); i > 0 && added < CHAINS && queue.freeDescriptors >= 2; i--) {
      added += 1;
      sent.set(queue.add([new Uint8Array(Uint32Array.of(added).buffer)], [4]), added);
    }
    fence();
    kicks += queue.kick() ? 1 : 0;
    spin(random(40));
    if (queue.inFlight > 0 && (random(2) === 0 || queue.freeDescriptors < 2)) {
      queue.wantInterrupt(random(queue.inFlight));
      fence();
      if (!collect()) {
        // Nothing yet: an interrupt tells when so many have come back, all of which are on their way.
        waits += 1;
        expect(wait(interrupt)).toBe(true);
        collect();
      }
    }
    if (queue.inFlight === 0) {
      guest.release(start);
    }
  }
  return { returned, waits, kicks };
}

for (const [name, wanted] of [
  ["an event index", (1n << 32n) | (1n << 29n)],
  ["flags", 1n << 32n],
] as const) {
  test(`a device in its own thread misses nothing, and is missed by nobody, with ${name}`, async () => {
    using notify = eventFd();
    using interrupt = eventFd();
    const memory = new SharedArrayBuffer(MEMORY_BYTES);
    const stop = new SharedArrayBuffer(4);
    const regions = [{ start: 0, bytes: new Uint8Array(memory) }];
    const options = { wanted, regionBytes: MEMORY_BYTES, isOneRegion: true };
    const guest = new VirtioGuest(new EchoDevice(), options, new GuestMemory(regions)).start();
    guest.onNotify = () => void writeSync(notify.number, ONE);
    const workerData: VirtioWorkerData = {
      ...{ memory, stop, state: guest.transport.save() },
      interruptStatus: new SharedArrayBuffer(4),
      ...{ notifyFd: notify.number, interruptFd: interrupt.number },
    };
    const worker = new Worker(new URL("../harness/virtio-worker.ts", import.meta.url), {
      workerData,
    });
    expect(await once(worker, "message")).toEqual(["ready"]);
    const message = once(worker, "message");
    const { returned, waits, kicks } = drive(guest, guest.queue(0), interrupt);
    Atomics.store(new Int32Array(stop), 0, 1);
    writeSync(notify.number, ONE);
    const [{ served, faults, wakeUps }] = await message;
    expect([returned, served, faults]).toEqual([CHAINS, CHAINS, []]);
    // Both have slept, or this shows nothing; and neither was woken for every chain.
    expect(Math.min(waits, kicks, wakeUps)).toBeGreaterThan(100);
    expect(kicks).toBeLessThan(CHAINS);
    await worker.terminate();
  }, 60_000);
}
