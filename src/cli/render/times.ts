/** Points in time, as text for people. */

/** Seconds since 1970. A daemon of another kind may send what is no time. */
export function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(".000Z", "Z");
}

/** Milliseconds since 1970, with all of them. */
export function timeTextMs(milliseconds: bigint): string {
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}
