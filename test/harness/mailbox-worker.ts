/** The threads of a test of `AccessMailbox`: a device that answers a number with its double, or a processor that asks. */
import { parentPort, workerData } from "node:worker_threads";
import { EdgePoll } from "../../src/kernel/io/edge-poll.ts";
import { EventFd } from "../../src/kernel/sys/event-fd.ts";
import { AccessMailbox } from "../../src/vmm/machine/access-mailbox.ts";

export interface MailboxWorkerData {
  readonly role: "device" | "processor";
  readonly memory: SharedArrayBuffer;
  readonly stop: SharedArrayBuffer;
  readonly doorbellFd: number;
}

const ROUNDS = 5000;

const { role, memory, stop, doorbellFd } = workerData as MailboxWorkerData;
const mailbox = new AccessMailbox(EventFd.attach(doorbellFd), memory);

/** What was written last at each address: each processor has one of its own. */
function runDevice(): { count: number; sleeps: number } {
  const flag = new Int32Array(stop);
  using edges = new EdgePoll();
  edges.add(doorbellFd);
  const written = new Map<number, number>();
  let [count, sleeps] = [0, 0];
  const handle = (_: string, isWrite: boolean, address: number, data: Uint8Array) => {
    count += 1;
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (isWrite) {
      written.set(address, view.getUint32(0, true));
    } else {
      view.setUint32(0, (written.get(address) ?? 0) * 2, true);
    }
  };
  while (Atomics.load(flag, 0) === 0) {
    if (!mailbox.serveAll(handle) && mailbox.prepareSleep()) {
      sleeps += 1;
      edges.take(() => undefined, -1);
      mailbox.endSleep();
    }
  }
  return { count, sleeps };
}

function runProcessor(): { wrong: number } {
  const address = crypto.getRandomValues(new Uint32Array(1))[0]! * 2 ** 20;
  const data = new Uint8Array(4);
  const view = new DataView(data.buffer);
  let wrong = 0;
  for (let i = 1; i <= ROUNDS; i++) {
    view.setUint32(0, i, true);
    mailbox.write("mmio", address, data);
    data.fill(0);
    mailbox.read("mmio", address, data);
    wrong += view.getUint32(0, true) === i * 2 ? 0 : 1;
  }
  return { wrong };
}

parentPort?.postMessage(role === "device" ? runDevice() : runProcessor());
