/**
 * A full memory barrier. x86 keeps loads in order and stores in order, which is all that a ring needs but at two places
 * (virtio 1.2, 2.7.13.4.1 and 2.7.14.1): after a store that asks for notifications, the load of the other side's index
 * must not come early. A locked instruction is that barrier, and Atomics are what JavaScript has for one.
 */
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Orders every store before it against every load after it, for the processor and for the compiler. */
export function fence(): void {
  Atomics.add(cell, 0, 1);
}
