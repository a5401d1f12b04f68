import { expect, test } from "bun:test";
import { isProcessorFault } from "./processor-fault.ts";

const TRACE = `
[   34.983311]  svm_vcpu_enter_exit+0x28/0x60 [kvm_amd]
[   34.983311]  svm_vcpu_run+0x1b8/0x6c0 [kvm_amd]
[   34.983311]  kvm_arch_vcpu_ioctl_run+0x8be/0x1750 [kvm]
[   34.983311] RIP: 0010:error_entry+0x1e/0x130
`;
const FATAL = "Kernel panic - not syncing: Fatal exception in interrupt\n";

test("a processor that faulted three times leaves a kernel without a word", () => {
  expect(isProcessorFault("[    1.000000] Run /init as init process\n")).toBe(true);
  expect(isProcessorFault("[    9.000000] reboot: Restarting system\n")).toBe(false);
});

test("a fault at the entry to a guest is the processor's, and no other panic is", () => {
  expect(isProcessorFault(`${TRACE}${FATAL}`)).toBe(true);
  expect(isProcessorFault(`  do_syscall_64+0x5d/0x90\n${FATAL}`)).toBe(false);
  const ended = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n";
  expect(isProcessorFault(ended)).toBe(false);
  expect(isProcessorFault(`${TRACE}${ended}`)).toBe(false);
  expect(isProcessorFault(`${FATAL}${TRACE}`)).toBe(false);
});
