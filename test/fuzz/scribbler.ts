/** A guest's other processor: writes into rings and tables all the time, while a device reads them. */
import { randomFrom } from "../harness/random.ts";

declare const self: Worker;

export interface Scribbling {
  readonly memory: SharedArrayBuffer;
  /** 1 to stop. */
  readonly stop: SharedArrayBuffer;
  readonly from: number;
  readonly to: number;
  readonly seed: number;
}

self.onmessage = ({ data }: MessageEvent<Scribbling>) => {
  const { memory, stop, from, to, seed } = data;
  const bytes = new Uint8Array(memory);
  const flag = new Int32Array(stop);
  const random = randomFrom(seed);
  self.postMessage("writes");
  while (Atomics.load(flag, 0) === 0) {
    bytes[from + random(to - from)] = random(4) === 0 ? random(256) : random(4);
    for (let i = random(30); i > 0; i--) {
      Atomics.pause(); // some of what the driver wrote is to be read as it is
    }
  }
  self.postMessage("stopped");
};
