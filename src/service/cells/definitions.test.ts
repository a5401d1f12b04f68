import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { cellsInMemory } from "../../../test/harness/cells-client.ts";
import { until } from "../../../test/harness/cells-world.ts";
import {
  CellServiceStartRequestSchema,
  ExecutableSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  ReadinessMode,
  RestartMode,
  SeccompProfile,
  StdinMode,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import { definitionToProto } from "./definitions.ts";
import { executableSpecFrom } from "./executables.ts";

const FULL = {
  name: "x",
  args: ["x", "-v"],
  description: "words",
  env: { A: "1" },
  workingDirectory: "/srv",
  privileges: {
    ...{ user: "nobody", group: "7", supplementaryGroups: ["8"], noNewPrivileges: false },
    ...{ capabilities: { names: [] }, seccomp: SeccompProfile.UNCONFINED },
  },
  resourceLimits: { nofile: { soft: 1n, hard: 2n }, core: {} },
  stdin: StdinMode.TERMINAL,
  stop: { signal: 2, gracePeriodMs: 3 },
  restart: {
    ...{ mode: RestartMode.ALWAYS, backoffMs: 1, maxBackoffMs: 2 },
    ...{ startLimit: 3, startLimitIntervalMs: 4 },
  },
  readiness: { mode: ReadinessMode.FD, fd: 9, timeoutMs: 10 },
  after: ["a"],
  requires: ["b"],
  healthCheck: { command: "c", intervalMs: 100, timeoutMs: 20, retries: 3, startPeriodMs: 4 },
  oncePerBoot: true,
} satisfies MessageInitShape<typeof ExecutableSchema>;

function roundTrip(executable: MessageInitShape<typeof ExecutableSchema>, ids = {}) {
  const request = create(CellServiceStartRequestSchema, { executable, ...ids });
  const spec = executableSpecFrom(create(ExecutableSchema, executable), request);
  return create(ExecutableSchema, definitionToProto(spec));
}

describe("definitionToProto", () => {
  test("gives every field back", () => {
    expect(roundTrip(FULL)).toEqual(create(ExecutableSchema, FULL));
  });

  test("fills in what was left out, and puts the ids of Start into the privileges", () => {
    expect(roundTrip({ name: "x", command: "y" }, { uid: 5, gid: 6 })).toEqual(
      create(ExecutableSchema, {
        ...{ name: "x", command: "y", workingDirectory: "/", stdin: StdinMode.CLOSED },
        privileges: { user: "5", group: "6" },
        stop: { signal: 15, gracePeriodMs: 10_000 },
        restart: {
          ...{ mode: RestartMode.NEVER, backoffMs: 100, maxBackoffMs: 60_000 },
          ...{ startLimit: 5, startLimitIntervalMs: 10_000 },
        },
        readiness: { mode: ReadinessMode.NONE },
      }),
    );
  });
});

describe("Inspect", () => {
  test("is List with definitions, which List does not tell", async () => {
    const { client } = cellsInMemory();
    const executable = { name: "x", command: "x", env: { SECRET: "swordfish" } };
    await client.allocate({ cell: { name: "a" } });
    await client.start({ cellName: "a", executable });
    await client.start({ executable });
    const inspected = await client.inspect({});
    const all = [...inspected.executables, ...(inspected.cells[0]?.executables ?? [])];
    expect(all.map(({ definition }) => definition?.env)).toEqual([executable.env, executable.env]);
    for (const it of all) {
      delete it.definition;
    }
    const { cells, executables } = await client.list({});
    expect({ cells, executables }).toEqual({
      cells: inspected.cells,
      executables: inspected.executables,
    });
  });

  test("tells what was started and is not again this boot, also when it is gone", async () => {
    const { client, fixture } = cellsInMemory();
    await client.allocate({ cell: { name: "a" } });
    for (const name of ["y", "x"]) {
      await client.start({ cellName: "a", executable: { name, command: "x", oncePerBoot: true } });
    }
    await client.start({ executable: { name: "x", command: "x", oncePerBoot: true } });
    await client.start({ executable: { name: "often", command: "x" } });
    fixture.kernel.processes.failNext = "ENOENT";
    const failing = { name: "never", command: "x", oncePerBoot: true };
    await expect(client.start({ executable: failing })).rejects.toThrow("ENOENT");
    await client.free({ cellName: "a" });
    const { startedOnce } = await client.inspect({});
    expect(startedOnce.map((it) => [it.cellName, it.executableName])).toEqual([
      ["", "x"],
      ["a", "x"],
      ["a", "y"],
    ]);
  });
});

describe("Start until it has ended", () => {
  const executable = { name: "x", command: "x" };

  test("answers with the last end of one that is restarted, and with its last process", async () => {
    const { client, fixture } = cellsInMemory();
    await client.allocate({ cell: { name: "a" } });
    const restart = { mode: RestartMode.ON_FAILURE, backoffMs: 1 };
    const request = { cellName: "a", executable: { ...executable, restart }, untilEnded: true };
    const answer = client.start(request);
    const { processes } = fixture.kernel;
    await until("the start", () => processes.all.size === 1);
    const first = processes.last;
    first.exit({ kind: "exited", code: 1 });
    await until("the restart", () => processes.last !== first);
    processes.last.exit({ kind: "exited", code: 0 });
    const { ended, hostPid } = await answer;
    expect(ended?.exitStatus?.outcome).toEqual({ case: "exitCode", value: 0 });
    expect(hostPid).toBe(processes.last.pid);
  });

  test("does not wait where it does not start, nor where it was not asked to", async () => {
    const { client, fixture } = cellsInMemory();
    await client.allocate({ cell: { name: "a" } });
    fixture.kernel.processes.failNext = "ENOENT";
    const failing = client.start({ cellName: "a", executable, untilEnded: true });
    await expect(failing).rejects.toThrow("ENOENT");
    const { ended } = await client.start({ cellName: "a", executable });
    expect(ended).toBeUndefined();
  });
});
