/** Waits in a blocking read of an eventfd, and says when a signal, and not a count, has ended it. */
import { ERRNO } from "../../src/kernel/abi/errno.ts";
import { syscallRaw } from "../../src/kernel/sys/syscall.ts";
import { receiveKicks } from "../../src/kernel/sys/thread.ts";

declare const self: Worker;

self.onmessage = ({ data: fd }: MessageEvent<number>) => {
  self.postMessage({ thread: receiveKicks() });
  const count = new BigUint64Array(1);
  const result = syscallRaw("read", fd, count, count.byteLength);
  self.postMessage({ isInterrupted: result === -ERRNO.EINTR });
};
