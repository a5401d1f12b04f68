import { beforeEach, describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { World } from "../../../test/harness/cells-world.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import type { CellEvent, EventKind } from "../../domain/events/event-log.ts";
import { CellSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { CellEventKind, CellEventSchema } from "../../gen/aurae/cells/v0/executables_pb.ts";
import {
  cellGraphToProto,
  cellNameFromProto,
  cellSpecFromProto,
  cellToProto,
  eventToProto,
} from "./convert.ts";
import { present } from "../present.ts";

const specFrom = (cell: MessageInitShape<typeof CellSchema>) =>
  cellSpecFromProto(create(CellSchema, cell));

const FULL = {
  name: "a/b",
  ...{ isolateProcess: true, isolateNetwork: true, output: { maxBytes: 4_096n } },
  cpu: { weight: 1n, max: 2n, period: 3n, idle: true, burst: 4n },
  cpuset: { cpus: "0-1", mems: "0" },
  memory: { min: 0n, low: 1n, high: 2n, max: 3n, swapMax: 0n, oomGroup: false },
  pids: { max: 5n },
  io: {
    weight: 6n,
    devices: [{ device: "254:0", readBytesPerSecond: 7n, writeOperationsPerSecond: 8n }],
  },
  hugetlb: { max: { "2MB": 9n } },
};

describe("cellSpecFromProto and cellToProto", () => {
  test("give every field back", () => {
    expect(create(CellSchema, cellToProto(specFrom(FULL)))).toEqual(create(CellSchema, FULL));
  });

  test("give back that nothing was asked for", () => {
    const spec = specFrom({ name: "/a/" });
    expect(`${spec.name}`).toBe("a");
    expect(spec).toMatchObject({ isolateProcess: false, isolateNetwork: false });
    expect(spec.outputMaxBytes).toBeUndefined();
    expect(create(CellSchema, cellToProto(spec))).toEqual(create(CellSchema, { name: "a" }));
  });

  test("take over names, and refuse what is none", () => {
    expect(`${cellNameFromProto("a/b")}`).toBe("a/b");
    expect(cellNameFromProto(undefined)).toBeUndefined();
    expect(() => specFrom({ name: "a//b" })).toThrow("cell name");
  });

  test("show other limits in place of those that were asked for", () => {
    const shown = cellToProto(specFrom(FULL), { pids: { max: 1n } });
    expect(create(CellSchema, shown)).toEqual(
      create(CellSchema, {
        ...{ name: "a/b", isolateProcess: true, isolateNetwork: true, pids: { max: 1n } },
        output: { maxBytes: 4_096n },
      }),
    );
  });
});

describe("present", () => {
  test("hands on what is there, and names what is not", () => {
    expect(present(0, "cell")).toBe(0);
    expect(() => present(undefined, "cell")).toThrow("cell: value is required");
  });
});

describe("cellGraphToProto", () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  test("has children and executables by name, to any depth", () => {
    for (const name of ["a", "a/c", "a/b", "a/b/d"]) {
      world.allocate(name);
    }
    world.start("a:y");
    world.start("a:x", { description: "first" });
    world.start("a/b/d:z");
    const graph = cellGraphToProto(world.cells.find(CellName.parse("a")));
    expect(graph.children.map(({ cell }) => cell?.name)).toEqual(["a/b", "a/c"]);
    expect(graph.executables.map(({ name, description }) => [name, description])).toEqual([
      ["x", "first"],
      ["y", ""],
    ]);
    expect(graph.children[0]?.children[0]?.executables[0]?.name).toBe("z");
  });
});

describe("eventToProto", () => {
  const proto = (event: Partial<CellEvent>) =>
    create(
      CellEventSchema,
      eventToProto({ kind: "started", cell: "a", sequence: 7n, timestampMs: 1_234, ...event }),
    );

  test("takes over every field", () => {
    expect(proto({ executable: "x", pid: 100, detail: "why" })).toMatchObject({
      ...{ sequence: 7n, timestampMs: 1_234n, cellName: "a", executableName: "x" },
      ...{ kind: CellEventKind.STARTED, hostPid: 100, exitCode: 0, exitSignal: 0, detail: "why" },
    });
    expect(proto({ kind: "frozen" })).toMatchObject({ executableName: "", hostPid: 0, detail: "" });
  });

  test("tells how a process ended by its exit code, or by its signal and -1", () => {
    const exited = (status: CellEvent["status"]) => {
      const { exitCode, exitSignal } = proto({ kind: "exited", status });
      return [exitCode, exitSignal];
    };
    expect(exited({ kind: "exited", code: 0 })).toEqual([0, 0]);
    expect(exited({ kind: "exited", code: 3 })).toEqual([3, 0]);
    expect(exited({ kind: "signaled", signal: 9 })).toEqual([-1, 9]);
    expect(exited(undefined)).toEqual([-1, 0]);
  });

  test("tells that for EXITED alone", () => {
    const status = { kind: "signaled", signal: 15 } as const;
    expect(proto({ kind: "stopped", status })).toMatchObject({ exitCode: 0, exitSignal: 0 });
  });

  test("has a kind for every kind", () => {
    const kinds: readonly EventKind[] = [
      ...(["allocated", "updated", "frozen", "thawed", "freed", "oom-kill", "waiting"] as const),
      ...(["started", "ready", "healthy", "unhealthy", "exited", "restarting"] as const),
      ...(["failed", "stopping", "stopped", "adopted"] as const),
    ];
    expect(kinds.map((kind) => CellEventKind[proto({ kind }).kind])).toEqual(
      kinds.map((kind) => kind.toUpperCase().replace("-", "_")),
    );
  });
});
