/** Answers about virtual machines that deserve more than the general form. */
import type { Message } from "@bufbuild/protobuf";
import {
  type VmEnd,
  VmEndKind,
  type VmEvent,
  VmEventKind,
  VmEventKindSchema,
} from "../../gen/aurae/vms/v0/machines_pb.ts";
import type {
  VirtualMachineSummary,
  VmServiceEventsResponse,
  VmServiceListResponse,
  VmServiceSnapshotResponse,
  VmServiceStopResponse,
  VmServiceWaitResponse,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { escapeText } from "../../base/escape.ts";
import { enumText } from "../names.ts";
import type { SpecialRenderer } from "./answers.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";
import { timeTextMs } from "./times.ts";
import { roundBytes } from "./units.ts";

export const VM_ANSWERS: Readonly<Record<string, SpecialRenderer>> = {
  "aurae.vms.v0.VmServiceListResponse": renderVms,
  "aurae.vms.v0.VmServiceStopResponse": endLine,
  "aurae.vms.v0.VmServiceWaitResponse": endLine,
  "aurae.vms.v0.VmServiceEventsResponse": eventLine,
  "aurae.vms.v0.VmServiceSnapshotResponse": (answer) => {
    const { writtenBytes } = answer as VmServiceSnapshotResponse;
    return `${roundBytes(writtenBytes)} written\n`;
  },
};

const HEADER = ["ID", "STATUS", "PID", "VCPUS", "MEMORY", "AURAED ADDRESS", "ROOT DRIVE OR KERNEL"];

function renderVms(answer: Message, style: Style): string {
  const { machines } = answer as VmServiceListResponse;
  return renderTable(
    HEADER,
    machines.map((machine) => ({
      cells: [
        ...[machine.id, statusText(machine), machine.hostPid === 0 ? "" : `${machine.hostPid}`],
        ...[`${machine.vcpuCount}`, memoryText(machine), machine.auraedAddress],
        machine.rootDirPath || machine.kernelImgPath,
      ],
    })),
    style,
  );
}

/** `512M`, `512M (-128M)` with a balloon, `512M (-48M of 128M)` while the guest has not given back all of it. */
function memoryText(machine: VirtualMachineSummary): string {
  const { memSizeMb, balloonMb, balloonActualMb: actual, hostPid } = machine;
  if (balloonMb === 0 && actual === 0) {
    return `${memSizeMb}M`;
  }
  const balloon =
    hostPid === 0 || actual === balloonMb ? `${balloonMb}M` : `${actual}M of ${balloonMb}M`;
  return `${memSizeMb}M (-${balloon})`;
}

function statusText({ status, end, unresponsive }: VirtualMachineSummary): string {
  if (unresponsive) {
    return `${status} (does not answer)`;
  }
  return status === "Shutdown" && end !== undefined ? `${status} (${KINDS[end.kind]})` : status;
}

const KINDS: Readonly<Record<VmEndKind, string>> = {
  [VmEndKind.UNSPECIFIED]: "nobody saw how",
  [VmEndKind.OFF]: "off",
  [VmEndKind.RESET]: "reset",
  [VmEndKind.CRASH]: "crashed",
  [VmEndKind.FAILED]: "failed",
  [VmEndKind.KILLED]: "killed",
};

/** `off`, `killed: it did not end within 10000 ms`. */
export function endText({ kind, message }: VmEnd): string {
  // A daemon of a later version may know more of them.
  const word = KINDS[kind] ?? `ended (${kind})`;
  return message === "" ? word : `${word}: ${message}`;
}

function endLine(answer: Message): string {
  const { end } = answer as VmServiceStopResponse | VmServiceWaitResponse;
  return end === undefined ? "" : `${escapeText(endText(end))}\n`;
}

function eventLine(answer: Message): string {
  const { event } = answer as VmServiceEventsResponse;
  if (event === undefined) {
    return "\n";
  }
  const { timestampMs, sequence, vmId, hostPid, detail } = event;
  const parts = [
    ...[timeTextMs(timestampMs), String(sequence), escapeText(vmId), whatHappened(event)],
    ...(hostPid === 0 ? [] : [`pid ${hostPid}`]),
    ...(detail === "" ? [] : [escapeText(detail)]),
  ];
  return `${parts.join("  ")}\n`;
}

function whatHappened({ kind, end }: VmEvent): string {
  if (kind === VmEventKind.ENDED && end !== undefined) {
    return escapeText(endText(end));
  }
  return enumText(VmEventKindSchema, kind);
}
