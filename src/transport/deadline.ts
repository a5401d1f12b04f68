/**
 * Deadlines that no timer can hold. setTimeout takes at most 2^31-1 ms, 24.8 days, and makes 1 ms of what is longer; and
 * Connect hands it whatever a header says. So a header that says more is set to that.
 */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds in the units of grpc-timeout (gRPC's doc/PROTOCOL-HTTP2.md, "Requests"); smaller ones can't overflow. */
const GRPC_UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };

/** Clamps the deadline of a request, in every protocol. What is no deadline is left for Connect to refuse. */
export function clampDeadline(headers: Headers): void {
  const connect = headers.get("connect-timeout-ms");
  if (connect !== null && /^\d{1,10}$/.test(connect) && Number(connect) > MAX_TIMER_MS) {
    headers.set("connect-timeout-ms", `${MAX_TIMER_MS}`);
  }
  const [, amount, unit = ""] = /^(\d{1,8})([HMS])$/.exec(headers.get("grpc-timeout") ?? "") ?? [];
  if (Number(amount) * (GRPC_UNITS_MS[unit] ?? 0) > MAX_TIMER_MS) {
    headers.set("grpc-timeout", `${Math.floor(MAX_TIMER_MS / 1_000)}S`);
  }
}
