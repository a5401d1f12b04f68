/** The thread of a {@link VcpuThread}: one vCPU's loop, with a bus that has nothing but its board. */
import { Vcpu } from "../../src/kernel/kvm/vcpu.ts";
import { runVcpu } from "../../src/kernel/kvm/vcpu-loop.ts";
import { PortBoard, type VcpuWork } from "./vcpu-thread.ts";

declare const self: Worker;

self.onmessage = ({ data: { handle, board: memory } }: MessageEvent<VcpuWork>) => {
  const board = new PortBoard(memory);
  const end = runVcpu(Vcpu.attach(handle), {
    readPort: (_port, data) => void data.fill(0),
    writePort: (port, data) => board.record(port & 0xff, data[0] ?? 0),
    readMemory: (_address, data) => void data.fill(0),
    writeMemory: () => undefined,
  });
  self.postMessage(end);
};
