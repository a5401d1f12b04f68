#!/usr/bin/env auraescript
/**
 * The life of a virtual machine: described, started, paused, turned off, and forgotten. It needs /dev/kvm on the daemon's host,
 * where both files are as well.
 *
 *     auraescript examples/vm.ts /boot/vmlinuz /boot/initrd.img
 */
import { observe, vms } from "aurae";

const [kernelImgPath = "/boot/vmlinuz", initrd = "/boot/initrd.img"] = process.argv.slice(2);
const service = new vms.VmServiceClient();
const output = new observe.ObserveServiceClient();
const vmId = "example";

async function status(): Promise<string> {
  const { machines } = await service.list({});
  return machines.find(({ id }) => id === vmId)?.status ?? "gone";
}

await service.allocate({
  machine: {
    ...{ id: vmId, memSizeMb: 512, vcpuCount: 1, kernelImgPath, initrdPaths: [initrd] },
    // What the kernel says before the driver of hvc0 is there is on ttyS0.
    ...{ kernelArgs: ["console=ttyS0", "console=hvc0"], noNics: true },
  },
});
try {
  await service.start({ vmId });
  console.log(await status());

  // What its console and its serial port write, as it comes; here until there is anything at all.
  for await (const { item } of output.getSubProcessStream({ vmId })) {
    console.log(`${item?.channel}  ${item?.line}`);
    break;
  }

  await service.pause({ vmId });
  console.log(await status());
  await service.resume({ vmId });

  // Its power button is pressed. A guest that does not act on that within five seconds is ended by force.
  const { end } = await service.stop({ vmId, gracePeriodMs: 5000 });
  const kind = vms.VmEndKind[end?.kind ?? 0]?.replace("VM_END_KIND_", "").toLowerCase();
  console.log(`${await status()}: ${kind}`);
} finally {
  await service.free({ vmId });
}
console.log(await status());
