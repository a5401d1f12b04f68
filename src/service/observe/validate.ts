/** What a request for output names. What the rules in the proto can't say is checked here, all of it at once. */
import { AuraeError, type FieldViolation } from "../../base/errors.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import { type ExecutableName, executableName } from "../../domain/executables/executable-name.ts";
import type { GetSubProcessStreamRequest } from "../../gen/aurae/observe/v0/observe_pb.ts";
import { badFields } from "../bad-fields.ts";
import { EXECUTABLE_CHANNELS, streamsFromProto, VM_CHANNELS } from "./convert.ts";

export type OutputName =
  | { readonly kind: "pid"; readonly pid: number }
  | {
      readonly kind: "name";
      readonly cell: CellName | undefined;
      readonly executable: ExecutableName;
    }
  | { readonly kind: "vm"; readonly vm: string };

/** Parses a field, or says what is wrong with it. */
function parsed<T>(field: string, violations: FieldViolation[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AuraeError)) {
      throw error;
    }
    violations.push({ field, description: error.message });
    return undefined;
  }
}

/** @throws {AuraeError} invalid_argument, with every bad field */
export function outputNameFromProto(request: GetSubProcessStreamRequest): OutputName {
  const { processId, cellName, executableName: name, vmId } = request;
  const violations: FieldViolation[] = [];
  const isByPid = processId !== 0;
  const isOfVm = vmId !== "";
  const cell =
    cellName === "" ? undefined : parsed("cell_name", violations, () => CellName.parse(cellName));
  const executable =
    name === "" ? undefined : parsed("executable_name", violations, () => executableName(name));
  const other = isOfVm ? "vm_id" : "process_id";
  const refuse = (field: string, description: string): void => {
    violations.push({ field, description });
  };
  if ((isByPid || isOfVm) && name !== "") {
    refuse("executable_name", `must be left out with a ${other}`);
  }
  if ((isByPid || isOfVm) && cellName !== "") {
    refuse("cell_name", `must be left out with a ${other}`);
  }
  if (isByPid && isOfVm) {
    refuse("process_id", "must be left out with a vm_id");
  }
  if (!isByPid && !isOfVm && name === "") {
    refuse("executable_name", "value is required without a process_id or a vm_id");
  }
  refuseOtherChannel(request, refuse);
  if (violations.length > 0) {
    throw badFields(violations);
  }
  if (isOfVm) {
    return { kind: "vm", vm: vmId };
  }
  return executable === undefined || isByPid
    ? { kind: "pid", pid: processId }
    : { kind: "name", cell, executable };
}

function refuseOtherChannel(
  { channelType, vmId }: GetSubProcessStreamRequest,
  refuse: (field: string, description: string) => void,
): void {
  const isOfVm = vmId !== "";
  const channels = isOfVm ? VM_CHANNELS : EXECUTABLE_CHANNELS;
  if (streamsFromProto(channels, channelType).length === 0) {
    const there = isOfVm ? "a vm has a console and a serial port" : "it has stdout and stderr";
    refuse("channel_type", `there is no such stream: ${there}`);
  }
}
