/** Whether what was read back, from the state or from a snapshot, has the form of what a virtual machine is. */
import {
  type Check,
  count,
  flag,
  int64,
  isA,
  list,
  object,
  oneOf,
  optional,
  parsed,
  text,
} from "../../base/shape.ts";
import type { MonitorRecord } from "./monitors.ts";
import type { VmNic, VmNicSpec } from "./networks.ts";
import type { SnapshotNote } from "./snapshot-notes.ts";
import { vmId } from "./vm-id.ts";
import type { VmEnding, VmRecord } from "./vm-record.ts";
import type { VmDrive, VmSpec } from "./vm-spec.ts";

const path = isA(
  "an absolute path",
  (value) => typeof value === "string" && value.startsWith("/") && !value.includes("\0"),
);

const spec = object<VmSpec>({
  id: parsed("the id of a vm", vmId),
  ...{ memoryMb: count, vcpus: count, kernelPath: path, kernelArgs: list(text) },
  ...{ initrdPaths: list(path), hasRootDrive: flag },
  drives: list(object<VmDrive>({ path, isReadOnly: flag, mountPath: text, fsType: text })),
  nics: list(object<VmNicSpec>({ bridge: optional(text), mac: text, mtu: count })),
  ...{ vsockCid: count, balloonMb: count, auraedAddress: text },
  console: object<VmSpec["console"]>({ columns: count, rows: count }),
  outputMaxBytes: optional(count),
});

/** A list keeps its places, and JSON has no `undefined`. */
const nic: Check = (value, at) => {
  if (value !== null && value !== undefined) {
    object<VmNic>({
      ...{ tap: text, ifindex: count, hostAddress: text, auraedAddress: optional(text) },
      ipv4: optional(
        object<NonNullable<VmNic["ipv4"]>>({ host: text, guest: text, prefixLength: count }),
      ),
    })(value, at);
  }
};

const record = object<VmRecord>({
  spec,
  state: oneOf("idle", "starting", "restoring", "live", "freeing"),
  nics: list(nic),
  monitor: optional(
    object<MonitorRecord>({
      ...{ pid: count, startTime: int64, stdoutInode: int64, stderrInode: int64, uid: count },
    }),
  ),
  life: optional(text),
  startedMs: optional(count),
  ending: optional(
    object<VmEnding>({
      kind: oneOf("off", "reset", "crash", "failed", "killed", "unknown"),
      ...{ message: text, endedMs: optional(count) },
    }),
  ),
  snapshots: optional(list(object<SnapshotNote>({ folder: path, isToGoOn: flag }))),
});

/** @throws {Error} naming the field that is not as it should be */
export function checkVmRecord(value: unknown): VmRecord {
  record(value, "the record of a vm");
  const checked = value as VmRecord;
  return { ...checked, nics: checked.nics.map((it) => it ?? undefined) };
}

/** @throws {Error} naming the field that is not as it should be */
export function checkVmSpec(value: unknown): VmSpec {
  spec(value, "the machine");
  return value as VmSpec;
}
