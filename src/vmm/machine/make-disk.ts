/** Makes the disk of a spec. */
import { RawFile } from "../../kernel/io/raw-file.ts";
import { FileDescriptor } from "../../kernel/sys/fd.ts";
import { BlockDevice } from "../virtio/block.ts";
import type { DeviceSpec } from "./device-plan.ts";
import type { MadeDevice } from "./device-thread.ts";

/** @throws {SyscallError} on what is no file of a size */
export function makeDisk(spec: DeviceSpec): MadeDevice {
  if (spec.kind !== "block") {
    throw new RangeError(`a device "${spec.kind}" is no disk`);
  }
  const { fd, isReadOnly, serial } = spec;
  const storage = new RawFile(new FileDescriptor(fd), `disk ${serial}`);
  return { device: new BlockDevice({ storage, isReadOnly, serial }) };
}
