/**
 * From limits as they were asked for to writes that the kernel takes, and from the kernel's refusals to errors that name
 * the limit. Used to allocate a cell and to update one; `prefix` is what the path of a field in the request starts with.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import type { Cgroups } from "../../kernel/cgroup/cgroups.ts";
import { hugePageSizes, isHugePageSize } from "../../kernel/cgroup/hugetlb.ts";
import {
  type CgroupLimits,
  type Controller,
  CONTROLLERS,
  type IoDeviceLimits,
  type LimitWrite,
} from "../../kernel/cgroup/limits.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { cgroupNotFound } from "./cell-errors.ts";
import type { CellName } from "./cell-name.ts";

/** What the kernel answers to a limit that it does not want. */
const REFUSALS = ["EINVAL", "ERANGE", "ENODEV", "EOPNOTSUPP", "EBUSY"];

function badLimit(name: CellName, field: string, description: string, cause?: unknown): AuraeError {
  const reason = cause === undefined ? "" : `: ${messageOf(cause)}`;
  return new AuraeError("invalid_argument", `${field}: ${description}${reason}`, {
    ...{ resource: `${name}`, violations: [{ field, description }] },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The limits with every device by its number, as `limitWrites` wants them.
 * @throws {AuraeError} invalid_argument for what is no block device, a device twice, and what can't be a size of a page
 */
export function resolveLimits(
  kernel: Kernel,
  name: CellName,
  limits: CgroupLimits,
  prefix: string,
): CgroupLimits {
  for (const size of Object.keys(limits.hugetlb?.max ?? {})) {
    if (!isHugePageSize(size)) {
      const field = `${prefix}hugetlb.max[${JSON.stringify(size)}]`;
      throw badLimit(name, field, "must be the size of a huge page, such as 2MB");
    }
  }
  if (limits.io?.devices === undefined) {
    return limits;
  }
  const seen = new Set<string>();
  const devices = limits.io.devices.map((device, at): IoDeviceLimits => {
    const field = `${prefix}io.devices[${at}].device`;
    const number = deviceNumber(kernel, name, device.device, field);
    if (seen.has(number)) {
      throw badLimit(name, field, `${JSON.stringify(device.device)} is there twice`);
    }
    seen.add(number);
    return { ...device, device: number };
  });
  return { ...limits, io: { ...limits.io, devices } };
}

function deviceNumber(kernel: Kernel, name: CellName, device: string, field: string): string {
  try {
    return kernel.cgroups.blockDevice(device);
  } catch (error) {
    const description = `${JSON.stringify(device)} is not a block device, given as MAJOR:MINOR or as a path in /dev`;
    throw badLimit(name, field, description, error);
  }
}

/**
 * What every cell has, as far as there are any. The controller of huge pages is not among them: most cells use none, and
 * its files, a dozen for each size of a page, take the kernel longer to make than all others of a control group.
 */
const ACCOUNTED: readonly Controller[] = CONTROLLERS.filter((name) => name !== "hugetlb");

/**
 * Hands controllers down to the cell, and insists on those that its limits need.
 * @throws {AuraeError} failed_precondition naming the limit and the controller
 */
export function requireControllers(
  kernel: Kernel,
  name: CellName,
  writes: readonly LimitWrite[],
): void {
  for (const ancestor of ["", ...name.ancestors.map(String)]) {
    const wanted = writes.map(({ controller }) => controller);
    if (wanted.length === 0) {
      kernel.cgroups.delegateOnce(ancestor, ACCOUNTED);
      continue;
    }
    const delegated = kernel.cgroups.delegate(ancestor, [...ACCOUNTED, ...wanted]);
    const unmet = writes.find((write) => !delegated.has(write.controller));
    if (unmet !== undefined) {
      throw new AuraeError(
        "failed_precondition",
        `cell '${name}' can't have the limit ${unmet.field}: control group "/${ancestor}" has no '${unmet.controller}' controller for it; free the controller from cgroup version 1, enable it in the kernel, or leave the limit out`,
        { resource: `${name}` },
      );
    }
  }
}

/**
 * Writes to a file of a limit. An empty list of processors or memory nodes stands for the parent's, but the kernel does
 * not take one for a group with processes (ENOSPC). Then it gets all that the machine has, which comes to the same: what
 * is in force is what the parent has of it.
 * @throws {SyscallError}
 */
export function writeLimit(
  cgroups: Cgroups,
  path: string,
  { file, value }: Pick<LimitWrite, "file" | "value">,
): void {
  try {
    cgroups.write(path, { file, value });
  } catch (error) {
    if (value.trim() !== "" || !isErrno(error, "ENOSPC")) {
      throw error;
    }
    cgroups.write(path, { file, value: cgroups.read("", `${file}.effective`).trim() });
  }
}

/** @throws {AuraeError} invalid_argument for what the kernel refuses, failed_precondition for a file it does not have */
export function setLimit(kernel: Kernel, name: CellName, write: LimitWrite, prefix: string): void {
  try {
    writeLimit(kernel.cgroups, `${name}`, write);
  } catch (error) {
    throw limitError(kernel, name, write, prefix, error);
  }
}

function limitError(
  kernel: Kernel,
  name: CellName,
  { file, value, field, controller, device }: LimitWrite,
  prefix: string,
  error: unknown,
): unknown {
  if (isErrno(error, ...REFUSALS)) {
    const hint =
      device !== undefined && isErrno(error, "ENODEV")
        ? "; it takes whole disks, not partitions"
        : "";
    const description = `the kernel refuses ${JSON.stringify(value.trim())} for ${file}${hint}`;
    return badLimit(name, `${prefix}${field}`, description, error);
  }
  if (!isErrno(error, "ENOENT")) {
    return error;
  }
  return kernel.cgroups.exists(`${name}`)
    ? missingFile(kernel, name, file, controller, `${prefix}${field}`)
    : cgroupNotFound(name);
}

/** The error for a limit whose file the cell's group does not have, though it has the controller. */
export function missingFile(
  kernel: Kernel,
  name: CellName,
  file: string,
  controller: string,
  field: string,
): AuraeError {
  if (controller === "hugetlb") {
    const sizes = hugePageSizes(kernel.cgroups.files(`${name}`)).join(", ");
    return badLimit(name, field, `the machine has no huge pages of this size, but of ${sizes}`);
  }
  return new AuraeError(
    "failed_precondition",
    `cell '${name}' can't have the limit ${field}: this kernel has no ${file}; use one that does, or leave the limit out`,
    { resource: `${name}` },
  );
}
