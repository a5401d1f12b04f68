/** What the end of a processor's loop means for the machine. */
import type { LoopEnd } from "../../kernel/kvm/vcpu-loop.ts";
import type { VmEnd } from "../protocol/messages.ts";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** @returns undefined where the processor was told to stop */
export function endOfLoop(end: LoopEnd, index: number): VmEnd | undefined {
  const on = `vCPU ${index}`;
  switch (end.kind) {
    case "stopped":
      return undefined;
    case "shutdown":
      return {
        kind: "crash",
        message: `a triple fault on ${on}: the guest's kernel died early or jumped astray`,
      };
    case "halt":
      return { kind: "crash", message: `${on} halted, with nothing that could wake it` };
    case "system-event":
      return endOfEvent(end.event, `system event ${end.type} on ${on}`);
    case "internal-error": {
      const data = end.data.map(hex).join(" ");
      return { kind: "failed", message: `KVM can't go on with ${on}: ${end.cause} (${data})` };
    }
    case "fail-entry":
      return {
        kind: "failed",
        message: `the processor refused the state of ${on}: hardware reason ${hex(end.reason)}`,
      };
    case "failed":
      return { kind: "failed", message: `KVM_RUN of ${on}: ${end.code}` };
    case "unexpected":
      return {
        kind: "failed",
        message: `an exit of ${on} that nobody asked for: reason ${end.reason}, hardware reason ${hex(end.hardwareReason)}`,
      };
  }
}

function endOfEvent(event: "shutdown" | "reset" | "crash" | "other", message: string): VmEnd {
  switch (event) {
    case "shutdown":
      return { kind: "off", message: "the guest turned itself off" };
    case "reset":
      return { kind: "reset", message: "the guest reset itself" };
    case "crash":
      return { kind: "crash", message };
    case "other":
      return { kind: "failed", message };
  }
}
