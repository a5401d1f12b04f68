/** What is wanted of a guest, as its monitor is asked for it. A guest that stands still already, or runs, is left as it is. */
import type { Monitor } from "./monitors.ts";
import type { SnapshotFiles } from "./monitor-spec.ts";

/** @returns whether it ran until now @throws {AuraeError} */
export async function pauseGuest(monitor: Monitor): Promise<boolean> {
  const { state } = await monitor.status();
  if (state !== "running") {
    return false;
  }
  await monitor.pause();
  return true;
}

/** @returns whether it stood still until now @throws {AuraeError} */
export async function resumeGuest(monitor: Monitor): Promise<boolean> {
  const { state } = await monitor.status();
  if (state !== "paused" && state !== "created") {
    return false;
  }
  await monitor.run();
  return true;
}

/** Presses the button of one that can hear it. @throws {AuraeError} */
export async function askGuestToEnd(monitor: Monitor): Promise<void> {
  await resumeGuest(monitor);
  if ((await monitor.status()).state === "running") {
    await monitor.pressPowerButton();
  }
}

/**
 * Has a snapshot written; what runs is paused meanwhile.
 * @param beforePause called where it is to go on afterwards
 * @throws {AuraeError}
 */
export async function snapshotGuest(
  monitor: Monitor,
  { statePath, memoryPath }: SnapshotFiles,
  beforePause: () => void,
): Promise<{ readonly writtenBytes: number }> {
  const ran = (await monitor.status()).state === "running";
  if (ran) {
    beforePause();
    await monitor.pause();
  }
  try {
    return await monitor.snapshot(statePath, memoryPath);
  } finally {
    if (ran) {
      await monitor.run();
    }
  }
}
