/** The thread of all devices but disks. It waits for its work as a message, and then for nothing else. */
import { prepareThread } from "../confinement/confine.ts";
import { makeDevice } from "./make-device.ts";
import { runDeviceThread } from "./run-device-thread.ts";
import type { DeviceThreadWork } from "./thread-work.ts";

declare const self: Worker;

// Now, while the main thread makes what the devices belong to.
prepareThread();

self.onmessage = ({ data }: MessageEvent<DeviceThreadWork>) => {
  void runDeviceThread(data, makeDevice);
};
