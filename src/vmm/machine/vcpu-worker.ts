/**
 * The thread of one processor: runs it until the machine ends. It waits for its work as a message, and then for nothing
 * else. Before that, it may have images to read.
 */
import { messageOf } from "../../base/errors.ts";
import { Vcpu } from "../../kernel/kvm/vcpu.ts";
import { runVcpu } from "../../kernel/kvm/vcpu-loop.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { prepareThread } from "../confinement/confine.ts";
import { ConfinementGate } from "../confinement/gate.ts";
import { loadParts } from "./image-loading.ts";
import { Reports } from "./reports.ts";
import type { VcpuThreadMessage, VcpuThreadWork } from "./thread-work.ts";
import { VcpuBus } from "./vcpu-bus.ts";
import { endOfLoop } from "./vm-end.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<VcpuThreadMessage>) => {
  if ("load" in data) {
    loadParts(data.load);
  } else {
    run(data.vcpu);
  }
};

function run(work: VcpuThreadWork): void {
  const reports = new Reports(EventFd.attach(work.eventFd), work.reports);
  try {
    const vcpu = Vcpu.attach(work.handle);
    const bus = VcpuBus.of(work);
    prepareThread();
    vcpu.control.phase = "paused";
    if (!new ConfinementGate(work.gate).pass("vcpu")) {
      vcpu.control.phase = "stopped";
      return;
    }
    const end = endOfLoop(runVcpu(vcpu, bus), work.handle.index);
    if (end !== undefined) {
      reports.end(end);
    }
  } catch (error) {
    reports.end({ kind: "failed", message: `vCPU ${work.handle.index}: ${messageOf(error)}` });
  }
}
