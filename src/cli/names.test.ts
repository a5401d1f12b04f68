import { expect, test } from "bun:test";
import { enumValueName, flagName, kebabFromPascal, placeholder } from "./names.ts";

test("kebabFromPascal splits at each capital, and keeps abbreviations together", () => {
  expect(kebabFromPascal("GetAuraeDaemonLogStream")).toBe("get-aurae-daemon-log-stream");
  expect(kebabFromPascal("PowerOff")).toBe("power-off");
  expect(kebabFromPascal("GetVMInfo")).toBe("get-vm-info");
});

test("flagName and placeholder join the path of a field", () => {
  expect(flagName(["machine", "root_drive", "read_only"])).toBe("machine-root-drive-read-only");
  expect(placeholder(["executable", "name"])).toBe("EXECUTABLE_NAME");
});

test("enumValueName drops the prefix that all values share", () => {
  expect(enumValueName("LOG_CHANNEL_TYPE_STDOUT", "log_channel_type_")).toBe("stdout");
  expect(enumValueName("NOT_SERVING", undefined)).toBe("not-serving");
});
