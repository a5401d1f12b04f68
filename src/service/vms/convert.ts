/** Virtual machines and what happens to them: from the domain's values to messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MonitorEnd } from "../../domain/vms/monitors.ts";
import type { VmEvent, VmEventKind as DomainKind } from "../../domain/vms/vm-events.ts";
import type { VmEnding } from "../../domain/vms/vm-record.ts";
import { MIB, type VmSpec } from "../../domain/vms/vm-spec.ts";
import type { Vm, VmStatus } from "../../domain/vms/vm.ts";
import type { Vms } from "../../domain/vms/vms.ts";
import {
  VmEndKind,
  type VmEndSchema,
  VmEventKind,
  type VmEventSchema,
} from "../../gen/aurae/vms/v0/machines_pb.ts";
import type {
  VirtualMachineSchema,
  VirtualMachineSummarySchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";

/** The contract's words. */
const STATUSES: Readonly<Record<VmStatus["state"], string>> = {
  created: "Created",
  running: "Running",
  paused: "Paused",
  shutdown: "Shutdown",
};

const END_KINDS: Readonly<Record<MonitorEnd["kind"], VmEndKind>> = {
  off: VmEndKind.OFF,
  reset: VmEndKind.RESET,
  crash: VmEndKind.CRASH,
  failed: VmEndKind.FAILED,
  killed: VmEndKind.KILLED,
  unknown: VmEndKind.UNSPECIFIED,
};

const EVENT_KINDS: Readonly<Record<DomainKind, VmEventKind>> = {
  allocated: VmEventKind.ALLOCATED,
  started: VmEventKind.STARTED,
  paused: VmEventKind.PAUSED,
  resumed: VmEventKind.RESUMED,
  updated: VmEventKind.UPDATED,
  snapshot: VmEventKind.SNAPSHOT,
  stopping: VmEventKind.STOPPING,
  ended: VmEventKind.ENDED,
  freed: VmEventKind.FREED,
  adopted: VmEventKind.ADOPTED,
};

export function endToProto({
  kind,
  message,
  endedMs,
}: VmEnding): MessageInitShape<typeof VmEndSchema> {
  return { kind: END_KINDS[kind], message, endedAtMs: BigInt(endedMs ?? 0) };
}

/** What it does is asked of its monitor. */
export async function summaryToProto(
  vms: Vms,
  vm: Vm,
): Promise<MessageInitShape<typeof VirtualMachineSummarySchema>> {
  const { state, isUnresponsive, balloonBytes } = await vm.status();
  const { spec, ending } = vm;
  return {
    ...{ id: spec.id, status: STATUSES[state], memSizeMb: spec.memoryMb, vcpuCount: spec.vcpus },
    kernelImgPath: spec.kernelPath,
    // The original's is that of the first drive, which is the root drive there.
    rootDirPath: spec.hasRootDrive ? (spec.drives[0]?.path ?? "") : "",
    ...{ auraedAddress: vm.auraedAddress, hostPid: vm.pid ?? 0 },
    startedAtMs: BigInt(vm.startedMs ?? 0),
    ...(ending === undefined ? {} : { end: endToProto(ending) }),
    nics: spec.nics.map(({ mac, bridge = "" }, index) => {
      const { tap = "", hostAddress = "" } = vm.nics[index] ?? {};
      return { mac, bridge, tap, hostAddress };
    }),
    ...{ vsockCid: spec.vsockCid, vsockPath: vms.vsockPath(spec.id) },
    ...{ balloonMb: spec.balloonMb, balloonActualMb: Math.floor(balloonBytes / MIB) },
    unresponsive: isUnresponsive,
  };
}

/** What asks for the same machine again. */
export function machineToProto(spec: VmSpec): MessageInitShape<typeof VirtualMachineSchema> {
  const drives = spec.drives.map(({ path, isReadOnly, mountPath, fsType }) => ({
    ...{ imagePath: path, readOnly: isReadOnly, vmPath: mountPath, fsType },
  }));
  const [root] = drives;
  const { outputMaxBytes: maxBytes } = spec;
  return {
    ...{ id: spec.id, memSizeMb: spec.memoryMb, vcpuCount: spec.vcpus },
    ...{ kernelImgPath: spec.kernelPath, kernelArgs: [...spec.kernelArgs] },
    ...(spec.hasRootDrive && root !== undefined
      ? { rootDrive: { imagePath: root.imagePath, readOnly: root.readOnly } }
      : {}),
    driveMounts: drives.slice(spec.hasRootDrive ? 1 : 0),
    ...{ auraedAddress: spec.auraedAddress, initrdPaths: [...spec.initrdPaths] },
    nics: spec.nics.map(({ bridge = "", mac, mtu }) => ({ bridge, mac, mtu })),
    noNics: spec.nics.length === 0,
    ...{ vsockCid: spec.vsockCid, balloonMb: spec.balloonMb },
    console: { columns: spec.console.columns, rows: spec.console.rows },
    ...(maxBytes === undefined ? {} : { outputMaxBytes: BigInt(maxBytes) }),
  };
}

export function eventToProto(event: VmEvent): MessageInitShape<typeof VmEventSchema> {
  const { ending } = event;
  return {
    sequence: event.sequence,
    timestampMs: BigInt(event.timestampMs),
    vmId: event.vm,
    kind: EVENT_KINDS[event.kind],
    hostPid: event.pid ?? 0,
    ...(ending === undefined ? {} : { end: endToProto(ending) }),
    detail: event.detail ?? "",
  };
}
