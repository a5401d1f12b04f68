/**
 * What differs between the definition of an executable that is there and one that is described. What the daemon takes
 * for the same is the same here. Pure.
 */
import { create } from "@bufbuild/protobuf";
import { type Executable, ExecutableSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { ReadinessMode, RestartMode, StdinMode } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { changesBetween, type FieldTable, flatten } from "./flatten.ts";
import type { Change } from "./types.ts";

/** What the daemon does when nothing is said. The API's comments have the same numbers. */
const UNSAID = create(ExecutableSchema, {
  workingDirectory: "/",
  stdin: StdinMode.CLOSED,
  stop: { signal: 15, gracePeriodMs: 10_000 },
  restart: {
    mode: RestartMode.NEVER,
    backoffMs: 100,
    maxBackoffMs: 60_000,
    startLimit: 5,
    startLimitIntervalMs: 10_000,
  },
  readiness: { mode: ReadinessMode.NONE, fd: 3, timeoutMs: 90_000 },
  healthCheck: { intervalMs: 10_000, timeoutMs: 5_000, retries: 3, startPeriodMs: 0 },
});

const FORM = { present: ["privileges.capabilities"] };
const DEFAULTS = flatten(ExecutableSchema, UNSAID, FORM);

/** Values of these may be secrets: that they differ is told, and not how. */
const SECRET = /^env\[/;
const HIDDEN = "(not shown)";

/** An order among executables is no order of their names. */
const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

function tableOf(executable: Executable): FieldTable {
  const { after, requires, readiness } = executable;
  const mode = readiness?.mode ?? ReadinessMode.UNSPECIFIED;
  const table = flatten(
    ExecutableSchema,
    { ...executable, after: sorted(after), requires: sorted(requires) },
    FORM,
  );
  for (const [field, value] of [...table]) {
    const isUnused =
      (field.startsWith("readiness.") && mode <= ReadinessMode.NONE) ||
      (field === "readiness.fd" && mode !== ReadinessMode.FD);
    if (isUnused || DEFAULTS.get(field) === value) {
      table.delete(field);
    }
  }
  return table;
}

export function definitionChanges(observed: Executable, described: Executable): Change[] {
  return changesBetween(tableOf(observed), tableOf(described)).map((change) => {
    const hide = (text: string | undefined) => (text === undefined ? undefined : HIDDEN);
    return SECRET.test(change.field)
      ? { ...change, from: hide(change.from), to: hide(change.to) }
      : change;
  });
}
