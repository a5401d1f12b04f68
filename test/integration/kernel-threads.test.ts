import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { EventFd } from "../../src/kernel/sys/event-fd.ts";
import { KICK_SIGNAL, kickThread, receiveKicks } from "../../src/kernel/sys/thread.ts";
import { eventually } from "../harness/eventually.ts";

function nextMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data as T);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

test("kickThread ends a system call that another thread waits in", async () => {
  using event = new EventFd({ isBlocking: true });
  const worker = new Worker(new URL("./kick-worker.ts", import.meta.url).href);
  try {
    const started = nextMessage<{ thread: number }>(worker);
    worker.postMessage(event.descriptor.number);
    const { thread } = await started;
    await eventually("the read", () =>
      readFileSync(`/proc/self/task/${thread}/syscall`, "utf8").startsWith("0 "),
    );
    const ended = nextMessage<{ isInterrupted: boolean }>(worker);
    kickThread(thread);
    expect(await ended).toEqual({ isInterrupted: true });
  } finally {
    worker.terminate();
  }
});

test("kickThread has nothing against a thread that has ended", () => {
  kickThread(2 ** 22 - 1);
});

test("receiveKicks unblocks the signal for its thread, and its handler survives kicks", () => {
  const thread = receiveKicks();
  for (let i = 0; i < 1000; i++) {
    kickThread(thread);
  }
  const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
  const mask = (name: string) => BigInt(`0x${new RegExp(`${name}:\\s*(\\w+)`).exec(status)?.[1]}`);
  const bit = 1n << BigInt(KICK_SIGNAL - 1);
  expect([mask("SigBlk") & bit, mask("SigCgt") & bit]).toEqual([0n, bit]);
});
