/** Requests for virtual machines. What the rules in the proto can't say is checked here, all of it at once. */
import type { FieldViolation } from "../../base/errors.ts";
import { vmId } from "../../domain/vms/vm-id.ts";
import {
  type AskedNic,
  type AskedVm,
  balloonFault,
  COMMAND_LINE_MAX_BYTES,
  DEFAULT_CONSOLE,
  DEFAULT_MTU,
  DRIVES_AND_NICS_MAX,
  type VmDrive,
} from "../../domain/vms/vm-spec.ts";
import type { Nic } from "../../gen/aurae/vms/v0/machines_pb.ts";
import type { VirtualMachine } from "../../gen/aurae/vms/v0/vms_pb.ts";
import { badFields } from "../bad-fields.ts";

const PATH_MAX_BYTES = 4_095;

class Violations {
  readonly #all: FieldViolation[] = [];

  add(isBad: boolean, field: string, description: string): void {
    if (isBad) {
      this.#all.push({ field, description });
    }
  }

  paths(field: string, paths: readonly string[]): void {
    for (const [i, path] of paths.entries()) {
      const isPath = path.startsWith("/") && !path.includes("\0");
      this.add(!isPath, `${field}[${i}]`, "must be an absolute path with no NUL character");
      const isLong = Buffer.byteLength(path) > PATH_MAX_BYTES;
      this.add(isLong, `${field}[${i}]`, `must be at most ${PATH_MAX_BYTES} bytes`);
    }
  }

  nics(field: string, nics: readonly Nic[]): void {
    const macs = nics.map(({ mac }) => mac.toLowerCase());
    for (const [i, mac] of macs.entries()) {
      const isTwice = mac !== "" && macs.indexOf(mac) !== i;
      this.add(isTwice, `${field}[${i}].mac`, "is that of another NIC of the machine");
    }
  }

  /** @throws {AuraeError} invalid_argument, with every bad field */
  refuse(): void {
    if (this.#all.length > 0) {
      throw badFields(this.#all);
    }
  }
}

function drivesFrom({ rootDrive, driveMounts }: VirtualMachine): VmDrive[] {
  const root = rootDrive === undefined ? [] : [{ ...rootDrive, vmPath: "", fsType: "" }];
  return [...root, ...driveMounts].map(({ imagePath, readOnly, vmPath, fsType }) => ({
    ...{ path: imagePath, isReadOnly: readOnly, mountPath: vmPath, fsType },
  }));
}

function nicsFrom(nics: readonly Nic[]): AskedNic[] {
  return nics.map(({ bridge, mac, mtu }) => ({
    ...(bridge === "" ? {} : { bridge }),
    mac: mac === "" ? undefined : mac.toLowerCase(),
    mtu: mtu ?? DEFAULT_MTU,
  }));
}

/** As in the original, a machine has a NIC that nobody asked for. */
function askedNics({ nics, noNics }: VirtualMachine): AskedNic[] {
  return nics.length > 0 || noNics ? nicsFrom(nics) : [{ mac: undefined, mtu: DEFAULT_MTU }];
}

/** @throws {AuraeError} invalid_argument, with every bad field */
export function askedVmFrom(machine: VirtualMachine): AskedVm {
  const { id, kernelArgs, initrdPaths, rootDrive, nics, balloonMb, memSizeMb } = machine;
  const bad = new Violations();
  const drives = drivesFrom(machine);
  const asked = askedNics(machine);
  const hasFiles = rootDrive !== undefined || initrdPaths.length > 0;
  const noFiles = `vm '${id}' config has no root drive specified, and no initrd either`;
  bad.add(!hasFiles, "machine.root_drive", noFiles);
  bad.paths("machine.initrd_paths", initrdPaths);
  for (const [i, arg] of kernelArgs.entries()) {
    const description = "must have no line break, and no control character but tabs";
    bad.add(/[\0-\x08\x0a-\x1f\x7f]/.test(arg), `machine.kernel_args[${i}]`, description);
  }
  const bytes = Buffer.byteLength(kernelArgs.join(" "));
  const tooLong = `the command line has ${bytes} bytes, and ${COMMAND_LINE_MAX_BYTES} is the most`;
  bad.add(bytes > COMMAND_LINE_MAX_BYTES, "machine.kernel_args", tooLong);
  bad.add(machine.noNics && nics.length > 0, "machine.no_nics", "must be left out with nics");
  bad.nics("machine.nics", nics);
  const devices = drives.length + asked.length;
  const tooMany = `drives and NICs are ${devices} together, and ${DRIVES_AND_NICS_MAX} is the most`;
  bad.add(devices > DRIVES_AND_NICS_MAX, "machine.drive_mounts", tooMany);
  const balloon = balloonFault(balloonMb, memSizeMb);
  bad.add(balloon !== undefined, "machine.balloon_mb", balloon ?? "");
  bad.refuse();
  const { vcpuCount, kernelImgPath, vsockCid, auraedAddress, outputMaxBytes } = machine;
  const { columns, rows } = machine.console ?? DEFAULT_CONSOLE;
  return {
    ...{ id: vmId(id), memoryMb: memSizeMb, vcpus: vcpuCount, kernelPath: kernelImgPath },
    ...{ kernelArgs, initrdPaths, hasRootDrive: rootDrive !== undefined, drives, nics: asked },
    ...{ vsockCid, balloonMb, auraedAddress },
    console: {
      columns: columns || DEFAULT_CONSOLE.columns,
      rows: rows || DEFAULT_CONSOLE.rows,
    },
    outputMaxBytes: outputMaxBytes === undefined ? undefined : Number(outputMaxBytes),
  };
}

/** @throws {AuraeError} invalid_argument, with every bad field */
export function askedNicsFrom(field: string, nics: readonly Nic[]): AskedNic[] {
  const bad = new Violations();
  bad.nics(field, nics);
  bad.refuse();
  return nicsFrom(nics);
}

/** @throws {AuraeError} invalid_argument, with every bad field */
export function drivePathsFrom(paths: readonly string[]): readonly string[] {
  const bad = new Violations();
  bad.paths("drive_paths", paths);
  bad.refuse();
  return paths;
}
