/**
 * The rule by which names of the protos become names of the command line. Exceptions are in exceptions.ts.
 */
import type { DescEnum } from "@bufbuild/protobuf";

/** `GetAuraeDaemonLogStream` -> `get-aurae-daemon-log-stream`. */
export function kebabFromPascal(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "-").toLowerCase();
}

/** `["cell", "cpu", "weight"]` -> `cell-cpu-weight`. */
export function flagName(path: readonly string[]): string {
  return path.join("-").replaceAll("_", "-");
}

/** `["executable", "name"]` -> `EXECUTABLE_NAME`. */
export function placeholder(path: readonly string[]): string {
  return path.join("_").toUpperCase();
}

/** The short name of an enum's value: `LOG_CHANNEL_TYPE_STDOUT` of `LogChannelType` -> `stdout`. */
export function enumValueName(valueName: string, sharedPrefix: string | undefined): string {
  const short =
    sharedPrefix !== undefined && valueName.toLowerCase().startsWith(sharedPrefix)
      ? valueName.slice(sharedPrefix.length)
      : valueName;
  return short.toLowerCase().replaceAll("_", "-");
}

/** A number of an enum as people are shown it: by its short name, if it has one. */
export function enumText({ value: values, sharedPrefix }: DescEnum, value: number): string {
  const name = values[value]?.name;
  return name === undefined ? String(value) : enumValueName(name, sharedPrefix);
}
