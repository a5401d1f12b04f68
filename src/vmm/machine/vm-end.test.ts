import { expect, test } from "bun:test";
import type { LoopEnd } from "../../kernel/kvm/vcpu-loop.ts";
import { endOfLoop } from "./vm-end.ts";

test.each<[LoopEnd, string]>([
  [{ kind: "shutdown" }, "crash: a triple fault on vCPU 3"],
  [{ kind: "halt" }, "crash: vCPU 3 halted"],
  [{ kind: "system-event", type: 1, event: "shutdown", data: [] }, "off: the guest"],
  [{ kind: "system-event", type: 2, event: "reset", data: [] }, "reset: the guest"],
  [{ kind: "system-event", type: 3, event: "crash", data: [] }, "crash: system event 3 on vCPU 3"],
  [{ kind: "system-event", type: 9, event: "other", data: [] }, "failed: system event 9"],
  [
    { kind: "internal-error", suberror: 1, cause: "an instruction", data: [255n] },
    "failed: KVM can't go on with vCPU 3: an instruction (0xff)",
  ],
  [
    { kind: "fail-entry", reason: 33n, cpu: 0 },
    "failed: the processor refused the state of vCPU 3",
  ],
  [{ kind: "failed", code: "EFAULT" }, "failed: KVM_RUN of vCPU 3: EFAULT"],
  [{ kind: "unexpected", reason: 30, hardwareReason: 1n }, "failed: an exit of vCPU 3"],
])("endOfLoop says whose fault an end is: %#", (end, text) => {
  const { kind, message } = endOfLoop(end, 3)!;
  expect(`${kind}: ${message}`).toStartWith(text);
});

test("endOfLoop has nothing to say of a processor that was told to stop", () => {
  expect(endOfLoop({ kind: "stopped" }, 0)).toBeUndefined();
});
