/**
 * A process that confines itself as a monitor does, with a thread of each kind, all of which then keep the runtime busy:
 * garbage, the compiler, the threads of both. Its first argument says what to do at the end: `main:getcwd` makes that
 * system call in that thread; `exit` ends as a program does.
 */
import { Worker } from "node:worker_threads";
import { syscallRaw } from "../../src/kernel/sys/syscall.ts";
import { confineProcess, confineThread } from "../../src/vmm/confinement/confine.ts";
import { THREAD_KINDS } from "../../src/vmm/confinement/syscall-lists.ts";
import { callOf, keepBusy, say } from "./confined-work.ts";

const CONTROL_FD = 3;
const [, , wish = ""] = process.argv;
const others = THREAD_KINDS.filter((kind) => kind !== "main");
/** How many are up, whether to go on, how many are done. */
const words = new Int32Array(new SharedArrayBuffer(12));

function waitFor(word: number, value: number): void {
  for (let now = Atomics.load(words, word); now < value; now = Atomics.load(words, word)) {
    Atomics.wait(words, word, now);
  }
}

for (const kind of others) {
  const workerData = { kind, wish, words: words.buffer };
  new Worker(new URL("./confined-worker.ts", import.meta.url), { workerData });
}
while (Atomics.load(words, 0) < others.length) {
  await Bun.sleep(1);
}
confineProcess(CONTROL_FD);
confineThread("main");
Atomics.store(words, 1, 1);
Atomics.notify(words, 1);
keepBusy();
waitFor(2, others.length);
const call = callOf(wish, "main");
if (call !== undefined) {
  say(`main ${syscallRaw(...call)}`);
}
say("done");
process.exit(7);
