/**
 * What whoever starts a monitor has to have in its environment, since JavaScriptCore reads it before any of our code runs.
 *
 * The guest's memory is mapped as buffers, each of which counts as the size of a thread's heap. A collector that lets its
 * heap double before it collects would leave as much garbage as the guest has memory: work on queues makes a little of it at
 * a time, for as long as the machine runs.
 */

const MIB = 1024 * 1024;
/** Of garbage, in each thread: that of thousands of frames of a network. Four times as much makes nothing faster. */
const GARBAGE_BYTES = MIB;

/**
 * Options of JavaScriptCore (Heap.cpp). With `gcMaxHeapSize`, a heap collects whenever so many bytes were allocated. Without
 * `useConcurrentGC`, the thread whose garbage it is does so: a thread that sleeps in the kernel would leave a collection
 * half done, and its helpers would take processors from the guest. Nor is the slowest of the compilers worth its memory, some
 * 2 MiB, and its time in each machine anew: without it an exit of the guest costs the same, and a frame of 60 KB a third more
 * of our time, which is the lesser part of it.
 */
export const RUNTIME_ENV: Readonly<Record<string, string>> = {
  BUN_JSC_gcMaxHeapSize: String(GARBAGE_BYTES),
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_useFTLJIT: "0",
};
