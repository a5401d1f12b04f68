/** The thread of the disks, whose calls block. It waits for its work as a message, and then for nothing else. */
import { prepareThread } from "../confinement/confine.ts";
import { makeDisk } from "./make-disk.ts";
import { runDeviceThread } from "./run-device-thread.ts";
import type { DeviceThreadWork } from "./thread-work.ts";

declare const self: Worker;

prepareThread();

self.onmessage = ({ data }: MessageEvent<DeviceThreadWork>) => {
  void runDeviceThread(data, makeDisk);
};
