/** Limits, usage and pressure of cells: from messages to the domain's values and back. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CellStatus } from "../../domain/cells/status.ts";
import type { CellSpec } from "../../domain/cells/cell.ts";
import type {
  Cell,
  CellSchema,
  CellServiceUpdateRequest,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { CellPressureSchema, CellUsageSchema } from "../../gen/aurae/cells/v0/limits_pb.ts";

type Limits = CellSpec["limits"];
type Pressure = CellStatus["pressure"]["cpu"];

/** Leaves out what is undefined, as messages want it. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

export function limitsFromProto(message: Cell | CellServiceUpdateRequest): Limits {
  const { cpu, cpuset, memory, pids, io, hugetlb } = message;
  return {
    cpu: cpu && {
      weight: cpu.weight,
      max: cpu.max,
      period: cpu.period,
      idle: cpu.idle,
      burst: cpu.burst,
    },
    cpuset: cpuset && { cpus: cpuset.cpus, mems: cpuset.mems },
    memory: memory && {
      min: memory.min,
      low: memory.low,
      high: memory.high,
      max: memory.max,
      swapMax: memory.swapMax,
      oomGroup: memory.oomGroup,
    },
    pids: pids && { max: pids.max },
    io: io && {
      weight: io.weight,
      devices: io.devices.map((device) => ({
        device: device.device,
        readBytes: device.readBytesPerSecond,
        writeBytes: device.writeBytesPerSecond,
        readOperations: device.readOperationsPerSecond,
        writeOperations: device.writeOperationsPerSecond,
      })),
    },
    hugetlb: hugetlb && { max: { ...hugetlb.max } },
  };
}

/** A Cell before it is made. */
export type CellInit = Exclude<MessageInitShape<typeof CellSchema>, Cell>;

type LimitFields = "cpu" | "cpuset" | "memory" | "pids" | "io" | "hugetlb";

/** The fields of a Cell that are limits. */
export function limitsToProto(limits: Limits): Pick<CellInit, LimitFields> {
  const { cpu, cpuset, memory, pids, io, hugetlb } = limits;
  return {
    ...(cpu && { cpu: defined(cpu) }),
    ...(cpuset && { cpuset: defined(cpuset) }),
    ...(memory && { memory: defined(memory) }),
    ...(pids && { pids: defined(pids) }),
    ...(io && {
      io: {
        ...defined({ weight: io.weight }),
        devices: (io.devices ?? []).map((device) =>
          defined({
            device: device.device,
            readBytesPerSecond: device.readBytes,
            writeBytesPerSecond: device.writeBytes,
            readOperationsPerSecond: device.readOperations,
            writeOperationsPerSecond: device.writeOperations,
          }),
        ),
      },
    }),
    ...(hugetlb && { hugetlb: { max: { ...hugetlb.max } } }),
  };
}

export function usageToProto(usage: CellStatus["usage"]): MessageInitShape<typeof CellUsageSchema> {
  return defined(usage);
}

function resourceToProto(pressure: Pressure) {
  return pressure && defined({ some: pressure.some, full: pressure.full });
}

export function pressureToProto({
  cpu,
  memory,
  io,
}: CellStatus["pressure"]): MessageInitShape<typeof CellPressureSchema> {
  return defined({
    cpu: resourceToProto(cpu),
    memory: resourceToProto(memory),
    io: resourceToProto(io),
  });
}
