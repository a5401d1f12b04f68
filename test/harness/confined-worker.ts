/** A thread of `confined-process.ts`. */
import { workerData } from "node:worker_threads";
import { syscallRaw } from "../../src/kernel/sys/syscall.ts";
import { confineThread, prepareThread } from "../../src/vmm/confinement/confine.ts";
import { callOf, keepBusy, say } from "./confined-work.ts";

const { kind, wish } = workerData;
const words = new Int32Array(workerData.words);
const call = callOf(wish, kind);

prepareThread();
Atomics.add(words, 0, 1);
Atomics.wait(words, 1, 0);
confineThread(kind);
keepBusy();
if (call !== undefined) {
  say(`${kind} ${syscallRaw(...call)}`);
}
Atomics.add(words, 2, 1);
Atomics.notify(words, 2);
Atomics.wait(words, 2, -1);
