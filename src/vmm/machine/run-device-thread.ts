/** A device thread from its start to its end; what differs between the two Workers is how their devices are made. */
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { CommandMailbox } from "./command-mailbox.ts";
import type { DeviceSpec } from "./device-plan.ts";
import { DeviceThread, type MadeDevice, type ThreadParts } from "./device-thread.ts";
import { PlatformDevices } from "./platform-devices.ts";
import { Reports } from "./reports.ts";
import type { DeviceCommand, DeviceThreadWork } from "./thread-work.ts";

export type MakeDevice = (spec: DeviceSpec) => MadeDevice | Promise<MadeDevice>;

async function partsOf(work: DeviceThreadWork, make: MakeDevice): Promise<ThreadParts> {
  const virtio: { work: DeviceThreadWork["virtio"][number]; made: MadeDevice }[] = [];
  for (const one of work.virtio) {
    virtio.push({ work: one, made: await make(one.spec) });
  }
  if (work.platform === undefined) {
    return { virtio };
  }
  const reports = new Reports(EventFd.attach(work.eventFd), work.reports);
  return { virtio, platform: new PlatformDevices(work.platform, reports) };
}

/** Runs until the thread is told to quit. A thread whose devices can't be made says so when it is told to start. */
export async function runDeviceThread(work: DeviceThreadWork, make: MakeDevice): Promise<void> {
  let thread: DeviceThread;
  try {
    thread = new DeviceThread(work, await partsOf(work, make));
  } catch (error) {
    const commands = new CommandMailbox<DeviceCommand>(
      EventFd.attach(work.doorbellFd),
      work.commands,
    );
    commands.refuse(error);
    return;
  }
  thread.run();
}
