/**
 * QEMU emulates the virtualisation that machines in a test VM need, and now and then the emulated processor faults, which
 * no program in the VM can bring about. A test file that this happens to says so, and is run once more.
 */

/** What the file prints, for whoever runs it. */
export const PROCESSOR_FAULT = "QEMU's emulated processor has faulted";

/** From where a guest is entered: what faults here, faults between the guest's state and the kernel's own. */
const GUEST_ENTRY = /\bsvm_vcpu_run\+/;
const ORDERLY = /reboot: /;
const PANIC = "Kernel panic - not syncing: ";

/**
 * Whether a VM that was reset was so because of that: it faulted three times, of which its kernel could say nothing; or
 * its kernel died of a fault at the entry to a guest.
 * @param text all of its console
 */
export function isProcessorFault(text: string): boolean {
  const panic = text.indexOf(PANIC);
  if (panic < 0) {
    return !ORDERLY.test(text);
  }
  return (
    text.startsWith(`${PANIC}Fatal exception`, panic) && GUEST_ENTRY.test(text.slice(0, panic))
  );
}
