/** `aer vm logs`: what a virtual machine's console and serial port have printed, byte for byte. */
import { LogChannelType } from "../../gen/aurae/observe/v0/observe_pb.ts";
import { VM_FLAGS } from "../vm-exceptions.ts";
import { createLogs } from "./logs.ts";
import type { Tool } from "./tool.ts";

export const vmLogs: Tool = createLogs(VM_FLAGS.stream, {
  console: LogChannelType.CONSOLE,
  serial: LogChannelType.SERIAL,
  both: LogChannelType.UNSPECIFIED,
});
