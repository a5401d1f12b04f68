/**
 * What the descriptors of VmService do not tell about the command line (exceptions.ts), and the commands about virtual
 * machines that are more than one call. Their code is in interactive/ and loaded when they are run.
 */
import type { Message } from "@bufbuild/protobuf";
import { ObserveService } from "../gen/aurae/observe/v0/observe_pb.ts";
import { VmEndKind } from "../gen/aurae/vms/v0/machines_pb.ts";
import { VmService, type VmServiceWaitResponse } from "../gen/aurae/vms/v0/vms_pb.ts";
import type { ExtraCommand, MethodException, MethodExceptions } from "./exceptions.ts";
import { EXIT } from "./exit-codes.ts";
import { flag } from "./flags.ts";
import { INPUT_FLAGS } from "./input-flags.ts";
import { LOG_FLAGS } from "./log-flags.ts";

const VM: MethodException = { positionals: [{ path: "vm_id" }] };

const END_NOTE =
  "The exit code is 0 where the guest turned itself off or wanted a reset, and 1 where it ended otherwise.";

export const VM_FLAGS = {
  ...INPUT_FLAGS,
  terminal: flag("tty", "Put our terminal into raw mode, and tell it the size.", {
    short: "t",
    aliases: ["terminal"],
  }),
  stream: flag("stream", "Which of its ports.", {
    valueName: "NAME",
    choices: ["console", "serial", "both"],
    default: "both",
  }),
} as const;

/** 0 for an end that the guest wanted. */
export function exitCodeOfEnd(kind: VmEndKind | undefined): number {
  return kind === VmEndKind.OFF || kind === VmEndKind.RESET ? EXIT.ok : EXIT.failed;
}

const PORT: MethodException = {
  positionals: [{ path: "start.vm_id", shown: "VM_ID" }],
  omits: ["input", "resize.rows", "resize.columns"],
};

export const VM_EXCEPTIONS: MethodExceptions = {
  "aurae.vms.v0.VmService.Allocate": {
    positionals: [{ path: "machine.id" }],
    flags: {
      "machine.mem_size_mb": { default: "512" },
      "machine.vcpu_count": { default: "1" },
      "machine.kernel_img_path": { required: true },
      "machine.root_drive.image_path": { aliases: ["root-drive-path"] },
      "machine.root_drive.read_only": { aliases: ["root-drive-readonly"] },
      "machine.drive_mounts.image_path": { aliases: ["drive-mount-path"] },
      "machine.drive_mounts.vm_path": { aliases: ["drive-mount-vm-path"] },
      "machine.drive_mounts.fs_type": { aliases: ["drive-mount-fs-type"] },
      "machine.drive_mounts.read_only": { aliases: ["drive-mount-readonly"] },
      "machine.initrd_paths": { name: "initrd" },
      "machine.nics.bridge": { name: "nic-bridge" },
      "machine.nics.mac": { name: "nic-mac" },
      "machine.nics.mtu": { name: "nic-mtu" },
    },
  },
  "aurae.vms.v0.VmService.Free": VM,
  "aurae.vms.v0.VmService.Start": VM,
  "aurae.vms.v0.VmService.Stop": VM,
  "aurae.vms.v0.VmService.Inspect": VM,
  "aurae.vms.v0.VmService.Pause": VM,
  "aurae.vms.v0.VmService.Resume": VM,
  "aurae.vms.v0.VmService.Update": VM,
  "aurae.vms.v0.VmService.Snapshot": { positionals: [{ path: "vm_id" }, { path: "path" }] },
  "aurae.vms.v0.VmService.Restore": {
    positionals: [{ path: "vm_id" }, { path: "path" }],
    flags: {
      drive_paths: { name: "drive" },
      "nics.bridge": { name: "nic-bridge" },
      "nics.mac": { name: "nic-mac" },
      "nics.mtu": { name: "nic-mtu" },
    },
  },
  "aurae.vms.v0.VmService.Wait": {
    ...VM,
    note: END_NOTE,
    exitCode: (answer: Message) => exitCodeOfEnd((answer as VmServiceWaitResponse).end?.kind),
  },
  "aurae.vms.v0.VmService.Attach": {
    ...PORT,
    note: `Ctrl-p ctrl-q leaves it where our standard input is a terminal, Ctrl-C where it is none. ${END_NOTE}`,
    extras: [VM_FLAGS.noStdin],
    tool: { load: async () => (await import("./interactive/vm-console.ts")).vmAttach },
  },
};

export const VM_COMMANDS: readonly ExtraCommand[] = [
  {
    name: "console",
    summary: `Shows what the console of a virtual machine prints from now on, and with -i sends it what is typed. With -it, ctrl-p ctrl-q leaves it. ${END_NOTE}`,
    method: VmService.method.attach,
    exception: {
      ...PORT,
      extras: [VM_FLAGS.interactive, VM_FLAGS.terminal],
      tool: { load: async () => (await import("./interactive/vm-console.ts")).vmConsole },
    },
  },
  {
    name: "logs",
    summary:
      "Writes what the console and the serial port of a virtual machine have printed, as it is. What is no longer kept, or came too fast, is told on standard error as a number of bytes.",
    method: ObserveService.method.getSubProcessStream,
    exception: {
      ...VM,
      flags: { tail: { short: "n" } },
      omits: [
        ...["channel_type", "process_id", "cell_name", "executable_name"],
        ...["since_ms", "follow", "raw"],
      ],
      extras: [LOG_FLAGS.follow, LOG_FLAGS.since, VM_FLAGS.stream, LOG_FLAGS.timestamps],
      tool: { load: async () => (await import("./interactive/vm-logs.ts")).vmLogs },
    },
  },
];
