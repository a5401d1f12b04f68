/** The io controller: io.weight, and io.max with a line for each block device. */
import type { IoDeviceLimits, IoLimits, LimitWrite, ReadFile } from "./limits.ts";
import { amountIn, CgroupTextError, flatKeyed, nestedKeyed, numberIn } from "./text.ts";

const DEVICE = /^[0-9]{1,10}:[0-9]{1,10}$/;

/** The kernel's keys of io.max, and ours. */
const KEYS = {
  rbps: "readBytes",
  wbps: "writeBytes",
  riops: "readOperations",
  wiops: "writeOperations",
} as const;

/** @param limits with every device as `MAJOR:MINOR` */
export function ioWrites({ weight, devices = [] }: IoLimits): LimitWrite[] {
  const writes: LimitWrite[] = [];
  if (weight !== undefined) {
    const value = `default ${weight}`;
    writes.push({ controller: "io", file: "io.weight", value, field: "io.weight" });
  }
  for (const [at, limits] of devices.entries()) {
    const { device } = limits;
    const bounds = Object.entries(KEYS).map(([key, ours]) => `${key}=${limits[ours] ?? "max"}`);
    const value = `${device} ${bounds.join(" ")}`;
    writes.push({
      ...{ controller: "io", file: "io.max", value, field: `io.devices[${at}]`, device },
      isInitial: bounds.every((bound) => bound.endsWith("=max")),
    });
  }
  return writes;
}

/** The line of a device in io.max as it can be written; the kernel leaves out those without bounds. */
export function ioMaxLine(text: string, device: string): string {
  const line = text.split("\n").find((each) => each.startsWith(`${device} `));
  return (
    line?.trim() ??
    `${device} ${Object.keys(KEYS)
      .map((key) => `${key}=max`)
      .join(" ")}`
  );
}

/** The line of io.weight that is for all devices, as it can be written. */
export function ioWeightLine(text: string): string {
  return `default ${flatKeyed(text).get("default") ?? "100"}`;
}

/** @throws {CgroupTextError} */
export function parseIoMax(text: string): IoDeviceLimits[] {
  return nestedKeyed(text).map(([device, values]) => {
    if (!DEVICE.test(device)) {
      throw new CgroupTextError("MAJOR:MINOR", device);
    }
    const bounds = Object.entries(KEYS).map(([key, ours]) => {
      const value = values.get(key);
      return [ours, value === undefined ? undefined : amountIn(value)] as const;
    });
    return { device, ...Object.fromEntries(bounds) };
  });
}

/** @throws {CgroupTextError} */
export function readIo(read: ReadFile): IoLimits {
  const weight = read("io.weight");
  const max = read("io.max");
  const shared = weight === undefined ? undefined : flatKeyed(weight).get("default");
  return {
    weight: shared === undefined ? undefined : numberIn(shared),
    devices: max === undefined ? undefined : parseIoMax(max),
  };
}
