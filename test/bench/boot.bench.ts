/** From QEMU's start to Health SERVING in the test VM, under software emulation, and the size of what it boots. */
import { statSync } from "node:fs";
import { bootVm } from "../harness/vm.ts";
import { printFigures, printValue } from "./stats.ts";

const BOOTS = 3;
const MIB = 1024 * 1024;

async function boots(compressed: boolean): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < BOOTS; i++) {
    await using vm = await bootVm({ name: "bench", compressed });
    samples.push(vm.bootMs / 1000);
    await vm.powerOff();
  }
  return samples;
}

printFigures("QEMU's start to SERVING, the archive unpacked before", "s", await boots(false));
printFigures("QEMU's start to SERVING, the archive as it is shipped", "s", await boots(true));
printValue("dist/initramfs.cpio.zst", "MiB", statSync("dist/initramfs.cpio.zst").size / MIB);
