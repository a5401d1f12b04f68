/** How long the processes of a control group had to wait (Documentation/accounting/psi.rst). */
import type { ReadFile } from "./limits.ts";
import { CgroupTextError, nestedKeyed, numberIn } from "./text.ts";

/** Shares of time in percent, and a total. */
export interface PressureShare {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalUsec: bigint;
}

export interface Pressure {
  /** When at least one process waited. */
  readonly some: PressureShare | undefined;
  /** When all did. */
  readonly full: PressureShare | undefined;
}

/** Undefined where the kernel does not measure it: built without, or booted without `psi=1`. */
export interface CgroupPressure {
  readonly cpu: Pressure | undefined;
  readonly memory: Pressure | undefined;
  readonly io: Pressure | undefined;
}

const PERCENT = /^[0-9]{1,3}\.[0-9]{1,2}$/;

function shareOf(values: ReadonlyMap<string, string>): PressureShare {
  const average = (key: string): number => {
    const text = values.get(key) ?? "";
    if (!PERCENT.test(text)) {
      throw new CgroupTextError(`${key} in percent`, text);
    }
    return Number(text);
  };
  return {
    avg10: average("avg10"),
    avg60: average("avg60"),
    avg300: average("avg300"),
    totalUsec: numberIn(values.get("total") ?? ""),
  };
}

/** @throws {CgroupTextError} */
export function parsePressure(text: string): Pressure {
  const lines = new Map(nestedKeyed(text));
  const share = (key: string): PressureShare | undefined => {
    const values = lines.get(key);
    return values === undefined ? undefined : shareOf(values);
  };
  return { some: share("some"), full: share("full") };
}

/** @throws {CgroupTextError} */
export function readPressure(read: ReadFile): CgroupPressure {
  const pressure = (resource: string): Pressure | undefined => {
    const text = read(`${resource}.pressure`);
    return text === undefined ? undefined : parsePressure(text);
  };
  return { cpu: pressure("cpu"), memory: pressure("memory"), io: pressure("io") };
}
