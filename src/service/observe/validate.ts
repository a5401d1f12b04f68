/** What a request for output names. What the rules in the proto can't say is checked here, all of it at once. */
import { AuraeError, type FieldViolation } from "../../base/errors.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import { type ExecutableName, executableName } from "../../domain/executables/executable-name.ts";
import type { GetSubProcessStreamRequest } from "../../gen/aurae/observe/v0/observe_pb.ts";

export type OutputName =
  | { readonly kind: "pid"; readonly pid: number }
  | {
      readonly kind: "name";
      readonly cell: CellName | undefined;
      readonly executable: ExecutableName;
    };

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
  const { processId, cellName, executableName: name } = request;
  const violations: FieldViolation[] = [];
  const isByPid = processId !== 0;
  const cell =
    cellName === "" ? undefined : parsed("cell_name", violations, () => CellName.parse(cellName));
  const executable =
    name === "" ? undefined : parsed("executable_name", violations, () => executableName(name));
  if (isByPid && name !== "") {
    violations.push({
      field: "executable_name",
      description: "must be left out with a process_id",
    });
  }
  if (isByPid && cellName !== "") {
    violations.push({ field: "cell_name", description: "must be left out with a process_id" });
  }
  if (!isByPid && name === "") {
    violations.push({
      field: "executable_name",
      description: "value is required without a process_id",
    });
  }
  if (violations.length > 0 || (!isByPid && executable === undefined)) {
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new AuraeError("invalid_argument", text, { violations });
  }
  return executable === undefined || isByPid
    ? { kind: "pid", pid: processId }
    : { kind: "name", cell, executable };
}
