/**
 * What a vCPU's thread does: run the guest, hand its accesses to the bus, and look at what is wanted after every
 * interruption. Allocates nothing for an access to a port or to mmio.
 */
import type { VcpuControl } from "./vcpu-control.ts";
import type { PortExit, VcpuExit } from "./vcpu-exit.ts";

/**
 * Whatever the guest reaches beside its memory. `data` is good during the call only. A read writes its answer there; what
 * it leaves alone is what the last access left. Addresses, sizes and contents are the guest's: nothing may be taken for granted.
 */
export interface GuestBus {
  /** @param data of 1, 2 or 4 bytes */
  readPort(port: number, data: Uint8Array): void;
  writePort(port: number, data: Uint8Array): void;
  /** @param data of 1 to 8 bytes */
  readMemory(address: number, data: Uint8Array): void;
  writeMemory(address: number, data: Uint8Array): void;
}

/** What the loop needs of a vCPU. */
export interface LoopVcpu {
  readonly control: VcpuControl;
  run(): VcpuExit;
  enterThread(): void;
  leaveThread(): void;
}

/** Why a loop ended: it was told to stop, or by an exit that there is no going on from. */
export type LoopEnd =
  | { readonly kind: "stopped" }
  | Exclude<VcpuExit, { readonly kind: "port" | "mmio" | "interrupted" }>;

const STOPPED: LoopEnd = { kind: "stopped" };

/**
 * Runs a vCPU in the calling thread, which it keeps for itself: for Workers. It ends when the control says `stop`, or with
 * the guest. To have it look, {@link Vcpu.kick} it after the control has been set; a device that is called from here does
 * the same.
 * @throws whatever the bus throws
 */
export function runVcpu(vcpu: LoopVcpu, bus: GuestBus): LoopEnd {
  const { control } = vcpu;
  vcpu.enterThread();
  try {
    // What was wanted before there was a thread to kick.
    if (!mayGoOn(control)) {
      return STOPPED;
    }
    for (;;) {
      const exit = vcpu.run();
      switch (exit.kind) {
        case "port":
          accessPort(exit, bus);
          break;
        case "mmio":
          if (exit.isWrite) {
            bus.writeMemory(exit.address, exit.data);
          } else {
            bus.readMemory(exit.address, exit.data);
          }
          break;
        case "interrupted":
          if (!mayGoOn(control)) {
            return STOPPED;
          }
          break;
        default:
          return exit;
      }
    }
  } finally {
    vcpu.leaveThread();
    control.phase = "stopped";
  }
}

/** Pauses for as long as it shall. @returns whether the guest goes on after that */
function mayGoOn(control: VcpuControl): boolean {
  if (control.command === "pause") {
    control.phase = "paused";
    control.waitWhilePaused();
  }
  if (control.command === "stop") {
    return false;
  }
  control.phase = "running";
  return true;
}

function accessPort({ isWrite, port, size, count, data }: PortExit, bus: GuestBus): void {
  if (count === 1) {
    if (isWrite) {
      bus.writePort(port, data);
    } else {
      bus.readPort(port, data);
    }
    return;
  }
  // A string instruction is that many accesses, one after the other. KVM has at most a page of them in one exit.
  for (let at = 0; at + size <= data.length && size > 0; at += size) {
    const one = data.subarray(at, at + size);
    if (isWrite) {
      bus.writePort(port, one);
    } else {
      bus.readPort(port, one);
    }
  }
}
