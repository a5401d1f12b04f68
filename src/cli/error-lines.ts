/**
 * The words for a call that failed: one line for each field at fault, or one for the whole.
 */
import { Code, type ConnectError } from "@connectrpc/connect";
import { escapeText } from "../base/escape.ts";
import { violationsOf } from "./violations.ts";

/** Lines for standard error, without `aer:` in front. */
export function errorLines(error: ConnectError): readonly string[] {
  const kind = (Code[error.code] ?? "unknown").replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  const violations = violationsOf(error);
  if (violations.length > 0) {
    return violations.map(({ field, description }) =>
      escapeText(field === "" ? `${kind}: ${description}` : `${kind}: ${field}: ${description}`),
    );
  }
  return [escapeText(error.rawMessage === "" ? kind : `${kind}: ${error.rawMessage}`)];
}
