/**
 * The folder of a snapshot: `state` and `memory`, which are the monitor's own, and `vm.json`, which says what machine it
 * is of. It is written under another name and gets its own once it is whole, so that one that is there can be used.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { AuraeError, messageOf } from "../../base/errors.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { SnapshotFiles } from "./monitor-spec.ts";
import { checkVmSpec } from "./vm-shape.ts";
import type { VmSpec } from "./vm-spec.ts";

const VERSION = 1;
const DESCRIPTION = "vm.json";
/** Far more than a machine can have in it: 256 words of a command line, 16 archives, 13 drives. */
const DESCRIPTION_MAX_BYTES = 4 * 1024 * 1024;
/** The guest's memory has its secrets in it. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

export function snapshotFiles(folder: string): SnapshotFiles {
  return { statePath: join(folder, "state"), memoryPath: join(folder, "memory") };
}

/** Whether this is what a snapshot is called before it is whole. */
export function isPartFolder(path: string): boolean {
  return /\.part-\d+$/.test(path);
}

/**
 * Makes a folder and has it filled.
 * @param fill writes the monitor's files
 * @returns what `fill` does
 * @throws {AuraeError} already_exists, failed_precondition, resource_exhausted; nothing is left behind then
 */
export async function writeSnapshot<T>(
  path: string,
  spec: VmSpec,
  fill: (files: SnapshotFiles) => Promise<T>,
): Promise<T> {
  refuseExisting(path);
  const part = `${path}.part-${process.hrtime.bigint()}`;
  try {
    mkdirSync(part, { mode: DIRECTORY_MODE });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  try {
    const result = await fill(snapshotFiles(part));
    writeFileSync(join(part, DESCRIPTION), describe(spec), { mode: FILE_MODE, flag: "wx" });
    refuseExisting(path);
    renameSync(part, path);
    return result;
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw error instanceof AuraeError ? error : cannotWrite(path, error);
  }
}

function refuseExisting(path: string): void {
  let found: unknown;
  try {
    found = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw cannotWrite(path, error); // a file is where a folder should be
  }
  if (found !== undefined) {
    throw new AuraeError(
      "already_exists",
      `there is something at "${path}" already; name a folder that is not there yet`,
    );
  }
}

function cannotWrite(path: string, cause: unknown): AuraeError {
  const isFull = isErrno(cause, "ENOSPC", "EDQUOT");
  const remedy = isErrno(cause, "ENOENT", "ENOTDIR") ? `; make "${dirname(path)}" first` : "";
  return new AuraeError(
    isFull ? "resource_exhausted" : "failed_precondition",
    `cannot write a snapshot to "${path}": ${messageOf(cause)}${remedy}`,
    { cause },
  );
}

function describe(spec: VmSpec): string {
  const machine = JSON.stringify(spec);
  return `${JSON.stringify({ version: VERSION, sha256: sha256(machine), machine })}\n`;
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/**
 * Which machine a snapshot is of.
 * @throws {AuraeError} not_found, invalid_argument for one that is damaged or of another version, failed_precondition
 */
export function readSnapshot(path: string): VmSpec {
  const text = readDescription(path);
  try {
    return parseDescription(text);
  } catch (cause) {
    throw new AuraeError(
      "invalid_argument",
      `the snapshot "${path}" can't be used: ${DESCRIPTION}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function readDescription(path: string): string {
  let fd: number | undefined;
  try {
    if (!statSync(path).isDirectory()) {
      throw new AuraeError("invalid_argument", `"${path}" is no folder of a snapshot`);
    }
    fd = openSync(join(path, DESCRIPTION), constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > DESCRIPTION_MAX_BYTES) {
      throw new AuraeError("invalid_argument", `"${path}" has no ${DESCRIPTION} of a snapshot`);
    }
    return readFileSync(fd, "utf8");
  } catch (cause) {
    if (cause instanceof AuraeError) {
      throw cause;
    }
    const isMissing = isErrno(cause, "ENOENT", "ENOTDIR");
    throw new AuraeError(
      isMissing ? "not_found" : "failed_precondition",
      isMissing
        ? `there is no snapshot at "${path}": ${messageOf(cause)}`
        : `cannot read the snapshot "${path}": ${messageOf(cause)}`,
      { cause },
    );
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/** @throws {Error} */
function parseDescription(text: string): VmSpec {
  const value: unknown = JSON.parse(text);
  const fields: Partial<Record<string, unknown>> =
    typeof value === "object" && value !== null ? { ...value } : {};
  if (fields.version !== VERSION) {
    throw new Error(`it has version ${JSON.stringify(fields.version)}, and this is ${VERSION}`);
  }
  const { machine, sha256: sum } = fields;
  if (typeof machine !== "string" || sum !== sha256(machine)) {
    throw new Error("its checksum is wrong, so it is damaged");
  }
  return checkVmSpec(JSON.parse(machine));
}
