/**
 * What the descriptors do not tell about the command line: which fields are positionals, the names that the original's
 * client took, defaults, and which answers count as a failure. Everything else follows from a rule (commands.ts). A
 * test holds each path here against the descriptors.
 */
import type { Message } from "@bufbuild/protobuf";
import {
  HealthCheckResponse_ServingStatus,
  type HealthCheckResponse,
} from "../gen/grpc/health/v1/health_pb.ts";

export interface PositionalException {
  /** The field, by proto names. */
  readonly path: string;
  /** The value when it is left out; without one it has to be given. */
  readonly default?: string;
  /** A flag that stands for "none", so that nobody gets it by forgetting a word. */
  readonly omittedBy?: { readonly flag: string; readonly summary: string };
}

export interface FlagException {
  readonly aliases?: readonly string[];
  readonly short?: string;
  readonly required?: true;
  readonly default?: string;
}

export interface MethodException {
  readonly positionals?: readonly PositionalException[];
  /** By the field's path. */
  readonly flags?: Readonly<Record<string, FlagException>>;
  /** Whether an answer is what the user hoped for; if not, the exit code is 1. */
  readonly succeeds?: (answer: Message) => boolean;
}

/** By the method's full name. */
export const METHOD_EXCEPTIONS: Readonly<Record<string, MethodException>> = {
  "aurae.cells.v0.CellService.Allocate": { positionals: [{ path: "cell.name" }] },
  "aurae.cells.v0.CellService.Free": { positionals: [{ path: "cell_name" }] },
  "aurae.cells.v0.CellService.Start": {
    positionals: [
      {
        path: "cell_name",
        omittedBy: { flag: "no-cell", summary: "Run it beside the daemon, in no cell." },
      },
      { path: "executable.name" },
    ],
    flags: {
      "executable.command": { aliases: ["cmd"], short: "c", required: true },
      "executable.description": { aliases: ["desc"] },
    },
  },
  "aurae.cells.v0.CellService.Stop": {
    positionals: [
      {
        path: "cell_name",
        omittedBy: { flag: "no-cell", summary: "It was started with --no-cell." },
      },
      { path: "executable_name" },
    ],
  },
  "aurae.observe.v0.ObserveService.GetSubProcessStream": {
    positionals: [{ path: "process_id" }, { path: "channel_type", default: "stdout" }],
  },
  "aurae.vms.v0.VmService.Allocate": {
    positionals: [{ path: "machine.id" }],
    flags: {
      "machine.mem_size_mb": { default: "512" },
      "machine.vcpu_count": { default: "1" },
      "machine.kernel_img_path": { required: true },
      "machine.root_drive.image_path": { aliases: ["root-drive-path"], required: true },
      "machine.root_drive.read_only": { aliases: ["root-drive-readonly"] },
      "machine.drive_mounts.image_path": { aliases: ["drive-mount-path"] },
      "machine.drive_mounts.vm_path": { aliases: ["drive-mount-vm-path"] },
      "machine.drive_mounts.fs_type": { aliases: ["drive-mount-fs-type"] },
      "machine.drive_mounts.read_only": { aliases: ["drive-mount-readonly"] },
    },
  },
  "aurae.vms.v0.VmService.Free": { positionals: [{ path: "vm_id" }] },
  "aurae.vms.v0.VmService.Start": { positionals: [{ path: "vm_id" }] },
  "aurae.vms.v0.VmService.Stop": { positionals: [{ path: "vm_id" }] },
  "grpc.health.v1.Health.Check": {
    succeeds: (answer) =>
      (answer as HealthCheckResponse).status === HealthCheckResponse_ServingStatus.SERVING,
  },
};

/** Messages whose whole numbers are bytes, so that `64M` may be written. */
export const BYTE_MESSAGES: ReadonlySet<string> = new Set(["aurae.cells.v0.MemoryController"]);
