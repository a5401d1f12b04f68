import { expect, test } from "bun:test";
import { UnsupportedError } from "../sys/unsupported.ts";
import { requireCapabilities } from "./capabilities.ts";

test("requireCapabilities names all that is missing, and the newest kernel that one of them needs", () => {
  const ask = (name: string): number => (name === "KVM_CAP_IRQCHIP" ? 1 : 0);
  requireCapabilities(ask, ["KVM_CAP_IRQCHIP"]);
  const check = () =>
    requireCapabilities(ask, ["KVM_CAP_IMMEDIATE_EXIT", "KVM_CAP_IRQCHIP", "KVM_CAP_IRQFD"]);
  expect(check).toThrow(UnsupportedError);
  expect(check).toThrow(
    "no KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_IRQFD in /dev/kvm here (Linux 4.13 and later have it)",
  );
});
