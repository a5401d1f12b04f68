import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { CellSchema, CellServiceUpdateRequestSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { CellPressureSchema, CellUsageSchema } from "../../gen/aurae/cells/v0/limits_pb.ts";
import { limitsFromProto, limitsToProto, pressureToProto, usageToProto } from "./limits.ts";

const DEVICE = {
  device: "/dev/vda",
  readBytesPerSecond: 1n,
  writeBytesPerSecond: 2n,
  readOperationsPerSecond: 3n,
  writeOperationsPerSecond: 4n,
};
const LIMITS = {
  cpu: { weight: 1n, max: 2n, period: 3n, idle: false, burst: 0n },
  cpuset: { cpus: "0", mems: "" },
  memory: { min: 1n, low: 2n, high: 3n, max: 4n, swapMax: 0n, oomGroup: true },
  pids: { max: 5n },
  io: { weight: 6n, devices: [DEVICE, { device: "8:0" }] },
  hugetlb: { max: { "2MB": 7n } },
};

describe("limits", () => {
  test("come back from the domain as they went in, with every field there is", () => {
    const cell = create(CellSchema, { name: "a", ...LIMITS });
    expect(create(CellSchema, { name: "a", ...limitsToProto(limitsFromProto(cell)) })).toEqual(
      cell,
    );
    for (const part of [cell.cpu, cell.cpuset, cell.memory, cell.pids, cell.io, cell.hugetlb]) {
      expect(part).toBeDefined();
    }
  });

  test("of an update are those of a cell", () => {
    const request = create(CellServiceUpdateRequestSchema, { cellName: "a", ...LIMITS });
    expect(limitsFromProto(request)).toEqual(
      limitsFromProto(create(CellSchema, { name: "a", ...LIMITS })),
    );
  });

  test("that are left out stay out", () => {
    const cell = create(CellSchema, { name: "a", memory: { max: 0n }, pids: {} });
    const back = create(CellSchema, { name: "a", ...limitsToProto(limitsFromProto(cell)) });
    expect(back).toEqual(cell);
    expect(back.memory?.high).toBeUndefined();
    expect(back.cpu).toBeUndefined();
  });
});

describe("usageToProto and pressureToProto", () => {
  test("leave out what is not known", () => {
    const none = {
      ...{ cpuUserUsec: undefined, cpuSystemUsec: undefined, cpuThrottledCount: undefined },
      ...{ cpuThrottledUsec: undefined, memoryBytes: undefined, memoryPeakBytes: undefined },
      ...{ swapBytes: undefined, oomKills: undefined, processes: undefined },
      ...{ ioReadBytes: undefined, ioWrittenBytes: undefined },
    };
    expect(create(CellUsageSchema, usageToProto({ ...none, cpuUsec: 0n }))).toEqual(
      create(CellUsageSchema, { cpuUsec: 0n }),
    );
    const some = { avg10: 1.5, avg60: 0, avg300: 0, totalUsec: 9n };
    const cpu = { some, full: undefined };
    expect(
      create(CellPressureSchema, pressureToProto({ cpu, memory: undefined, io: undefined })),
    ).toEqual(create(CellPressureSchema, { cpu: { some } }));
  });
});
