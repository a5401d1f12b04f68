/** Numbers with units, for people. */

const BYTE_UNITS = ["", "K", "M", "G", "T", "P", "E"] as const;

/** With a unit when that loses nothing: `64M`, `1000`. */
export function exactBytes(digits: string): string {
  let value = BigInt(digits);
  let unit = "";
  for (const next of ["K", "M", "G", "T"]) {
    if (value === 0n || value % 1024n !== 0n) {
      break;
    }
    value /= 1024n;
    unit = next;
  }
  return `${value}${unit}`;
}

/** Three digits and a unit: `12.3M`. */
export function roundBytes(bytes: bigint | number): string {
  let value = Number(bytes);
  let at = 0;
  while (value >= 999.5 && at < BYTE_UNITS.length - 1) {
    value /= 1024;
    at += 1;
  }
  const digits = at === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)}${BYTE_UNITS[at]}`;
}

/** `850 us`, `12.3 ms`, `1.50 s`, `2 m 3 s`, `1 h 0 m`. */
export function durationText(microseconds: bigint | number): string {
  const usec = Number(microseconds);
  const seconds = Math.floor(usec / 1e6);
  if (usec < 1000) {
    return `${usec} us`;
  }
  if (usec < 999_950) {
    return `${(usec / 1000).toFixed(1)} ms`;
  }
  if (seconds < 60) {
    return `${(usec / 1e6).toFixed(2)} s`;
  }
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} m ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** `1 restart`, `2 restarts`. */
export function counted(count: bigint | number, one: string): string {
  return `${count} ${one}${Number(count) === 1 ? "" : "s"}`;
}
